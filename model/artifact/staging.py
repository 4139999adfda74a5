"""Writes the files of a trained model to storage and drafts its manifest; the worker publishes the manifest later."""

import platform

import torch
from pydantic import JsonValue
from safetensors.torch import save

from model.artifact.export import export_model
from model.artifact.label_errors import LABEL_ERRORS_FILE
from model.artifact.manifest import (
    ENVIRONMENT,
    FINISH_REASON,
    SETTINGS,
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    FinishReason,
    ManifestDraft,
    model_key,
)
from model.artifact.trained_model import TrainedModel
from model.host.failpoints import Failpoint, reach
from model.host.installation import installed_version
from model.spec import LATER_FIELDS
from model.storage.interface import Storage

_LATER_REASONS = (FinishReason.PATIENCE,)
"""The reasons that the first release does not know; its word in the manifest is `completed`."""


def stage_model(trained: TrainedModel, storage: Storage, model_id: str) -> ManifestDraft:
    """Store the files under `models/<model_id>/` and return the draft of the manifest."""
    draft, files = draft_model(trained)
    for name, data in files.items():
        storage.put_bytes(model_key(model_id, name), data)
    if trained.label_errors:
        storage.put_bytes(
            model_key(model_id, LABEL_ERRORS_FILE), trained.label_errors.model_dump_json().encode()
        )
    reach(Failpoint.PUBLISH_STAGED)
    return draft


def draft_model(trained: TrainedModel) -> tuple[ManifestDraft, dict[str, bytes]]:
    """Return the manifest, without the model's id, name, version and origin, and the files that it lists, by name."""
    export = export_model(trained)
    weights = {WEIGHTS_FILE: save(trained.state_dict)}
    files = {**weights, **trained.further_files, **(export.files if export else {})}
    draft = ManifestDraft(
        dataset=DatasetReference.of(trained.facts),
        spec=trained.spec.model_copy(update=dict.fromkeys(LATER_FIELDS)),
        classes=trained.classes,
        preprocessing=trained.preprocessing,
        temperature=trained.temperature,
        metrics=trained.metrics,
        finish_reason=FinishReason.COMPLETED
        if trained.finish_reason in _LATER_REASONS
        else trained.finish_reason,
        files={name: FileFacts.of(data) for name, data in files.items()},
        parameters=trained.parameters,
        versions={
            "ninefold": installed_version(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        lineage=_lineage(trained),
        onnx=export.facts if export else None,
    )
    return draft, files


def _lineage(trained: TrainedModel) -> dict[str, JsonValue]:
    """Return the origin of the weights. The recipe, new settings and new reasons are here: the first release refuses others."""
    spec, reason = trained.spec, trained.finish_reason
    parent: dict[str, JsonValue] = {"init_from": spec.init_from} if spec.init_from else {}
    settings: dict[str, JsonValue] = {SETTINGS: later} if (later := spec.later_settings()) else {}
    ended: dict[str, JsonValue] = {FINISH_REASON: reason} if reason in _LATER_REASONS else {}
    environment: dict[str, JsonValue] = (
        {ENVIRONMENT: dict(trained.environment)} if trained.environment else {}
    )
    return {**parent, **settings, **ended, **environment, "recipe": trained.recipe.model_dump(mode="json")}
