"""Writes a trained model's weights to storage; the manifest that makes it a model comes later."""

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import torch
from safetensors.torch import save
from torch import Tensor

from model.artifact.manifest import (
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    FinishReason,
    ManifestDraft,
    Metrics,
    Preprocessing,
    model_key,
)
from model.host.failpoints import Failpoint, reach
from model.spec import DatasetFacts, ResolvedSpec
from model.storage.interface import Storage


@dataclass(frozen=True)
class TrainedModel:
    """Weights that can be published, and what is known of them."""

    spec: ResolvedSpec
    facts: DatasetFacts
    state_dict: dict[str, Tensor]
    preprocessing: Preprocessing
    temperature: float
    metrics: Metrics
    finish_reason: FinishReason

    @property
    def classes(self) -> list[str]:
        """In the order of the logits."""
        return self.facts.classes


def stage_model(trained: TrainedModel, storage: Storage, model_id: str) -> ManifestDraft:
    """Put the weights under `models/<model_id>/` and describe all but the model's id, name and version."""
    weights = serialise_weights(trained)
    storage.put_bytes(model_key(model_id, WEIGHTS_FILE), weights)
    reach(Failpoint.PUBLISH_STAGED)
    return describe_model(trained, weights)


def serialise_weights(trained: TrainedModel) -> bytes:
    """The bytes of the weights file."""
    return save(trained.state_dict)


def describe_model(trained: TrainedModel, weights: bytes) -> ManifestDraft:
    """All that a manifest says but the model's id, name and version."""
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
        parameters=_trainable_parameters(trained),
        versions={
            "ninefold": _own_version(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        lineage={"init_from": trained.spec.init_from} if trained.spec.init_from else {},
    )


def _trainable_parameters(trained: TrainedModel) -> int:
    statistics = ("running_mean", "running_var")
    return sum(t.numel() for name, t in trained.state_dict.items() if not name.endswith(statistics))


def _own_version() -> str:
    try:
        return version("ninefold")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
