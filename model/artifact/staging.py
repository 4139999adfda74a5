"""Writes the weights of a trained model to storage and drafts its manifest; the worker publishes the manifest later."""

import hashlib
import platform

import torch
from pydantic import JsonValue
from safetensors.torch import save

from model.artifact.label_errors import LABEL_ERRORS_FILE
from model.artifact.manifest import (
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    ManifestDraft,
    model_key,
)
from model.artifact.trained_model import TrainedModel
from model.host.failpoints import Failpoint, reach
from model.host.installation import installed_version
from model.storage.interface import Storage


def stage_model(trained: TrainedModel, storage: Storage, model_id: str) -> ManifestDraft:
    """Store the weights under `models/<model_id>/` and return the draft of the manifest."""
    weights = serialise_weights(trained)
    storage.put_bytes(model_key(model_id, WEIGHTS_FILE), weights)
    if trained.label_errors:
        storage.put_bytes(
            model_key(model_id, LABEL_ERRORS_FILE), trained.label_errors.model_dump_json().encode()
        )
    reach(Failpoint.PUBLISH_STAGED)
    return describe_model(trained, weights)


def serialise_weights(trained: TrainedModel) -> bytes:
    """Return the contents of the weights file, in safetensors format."""
    return save(trained.state_dict)


def describe_model(trained: TrainedModel, weights: bytes) -> ManifestDraft:
    """Draft the manifest: every field except the model's id, name, version and origin."""
    facts = trained.facts
    return ManifestDraft(
        dataset=DatasetReference(id=facts.id, name=facts.name, content_hash=facts.content_hash),
        spec=trained.spec,
        classes=trained.classes,
        preprocessing=trained.preprocessing,
        temperature=trained.temperature,
        metrics=trained.metrics,
        finish_reason=trained.finish_reason,
        files={WEIGHTS_FILE: FileFacts(sha256=hashlib.sha256(weights).hexdigest(), size_bytes=len(weights))},
        parameters=trained.parameters,
        versions={
            "ninefold": installed_version(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        lineage=_lineage(trained),
    )


def _lineage(trained: TrainedModel) -> dict[str, JsonValue]:
    """Return the origin of the weights. The recipe is here, because earlier versions refuse new fields of a manifest."""
    parent: dict[str, JsonValue] = {"init_from": trained.spec.init_from} if trained.spec.init_from else {}
    return {**parent, "recipe": trained.recipe.model_dump(mode="json")}
