"""Makes manifests, and publishes models without training."""

from datetime import UTC, datetime

import torch
from safetensors.torch import save

from model.artifact.manifest import (
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    Manifest,
    ManifestDraft,
    Metrics,
    Preprocessing,
    model_key,
)
from model.network.resnet9 import ResNet9, published_weights
from model.spec import Augmentation, ClassWeighting, Promote, RecipeName, Resize, ResolvedSpec
from model.storage.interface import Storage


def draft(files: dict[str, FileFacts] | None = None, temperature: float = 1.0) -> ManifestDraft:
    """Return the draft of a manifest with three classes and images of 16 px."""
    spec = ResolvedSpec(
        dataset="digits",
        name="digits",
        recipe=RecipeName.FAST,
        epochs=1,
        batch_size=16,
        learning_rate=0.1,
        weight_decay=0.0,
        label_smoothing=0.0,
        image_size=16,
        resize=Resize.SQUASH,
        augmentation=Augmentation.NONE,
        horizontal_flip=False,
        class_weighting=ClassWeighting.NONE,
        seed=0,
        validation_fraction=0.0,
        promote=Promote.FIRST,
        tags=[],
    )
    return ManifestDraft(
        dataset=DatasetReference(id="digits", name="digits", content_hash="0" * 64),
        spec=spec,
        classes=["a", "b", "c"],
        preprocessing=Preprocessing(
            image_size=16, resize=Resize.SQUASH, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)
        ),
        temperature=temperature,
        metrics=Metrics(
            test_accuracy=0.5, test_accuracy_tta=0.5, test_loss=1.0, ci95=(0.4, 0.6), best_epoch=1, epochs=1
        ),
        files=files or {},
        parameters=6_569_536,
        versions={"torch": torch.__version__},
    )


def published(model_id: str, manifest_draft: ManifestDraft) -> Manifest:
    """Complete a draft as version 1 of the model `digits`."""
    return Manifest(
        **manifest_draft.model_dump(),
        id=model_id,
        name="digits",
        version=1,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        created_by=None,
        job_id=None,
    )


def publish(storage: Storage, network: ResNet9, model_id: str, temperature: float = 1.0) -> Manifest:
    """Store the weights of a network and return the manifest; the manifest itself is not stored."""
    data = save(published_weights(network))
    storage.put_bytes(model_key(model_id, WEIGHTS_FILE), data)
    facts = FileFacts.of(data)
    return published(model_id, draft({WEIGHTS_FILE: facts}, temperature))
