"""Checks a bundle that somebody else made, and returns the model that it holds. Runs nothing of it: no graph, no script.

The graphs are built again from the weights; of the quantized one only the ranges of the activations are taken, which are
numbers. The evaluation is computed again from the predictions.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from model.artifact.manifest import (
    MANIFEST_FILE,
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    Manifest,
    ManifestDraft,
    Metrics,
    Preprocessing,
)
from model.bundle.card import IMPORTED_FROM
from model.bundle.claims import check_claims, check_image_ids
from model.bundle.epochs import parse_epochs
from model.bundle.graphs import rebuild_graphs
from model.bundle.names import EPOCHS_FILE, PREDICTIONS_FILE, STORED_FILES
from model.bundle.opening import OpenedBundle, open_bundle
from model.bundle.weights import read_network
from model.errors import BundleRejectedError, CorruptArtifactError
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE
from model.evaluation.stored_predictions import parse_predictions
from model.export.facts import HELD_OUT_FILE, INT8_FILE, ONNX_FILE
from model.export.held_out import parse_held_out
from model.export.trained_network import TrainedNetwork

_GIVEN_HERE = ("object", "id", "name", "version", "created_at", "created_by", "job_id")
"""The fields of a manifest that the importing service gives."""
_PARTS: Mapping[str, type[BaseModel]] = {
    "dataset": DatasetReference,
    "preprocessing": Preprocessing,
    "metrics": Metrics,
}


@dataclass(frozen=True)
class ImportedModel:
    """A model that was checked."""

    name: str
    """Of the model in the service that exported it."""
    draft: dict[str, Any]
    """The manifest without the fields that the importing service gives."""
    files: dict[str, bytes]
    """All files that the draft lists, by name."""


def read_bundle(path: Path, threads: int) -> ImportedModel:
    """Read and check the bundle in a zip; raises BundleRejectedError.

    Args:
        path: of the zip.
        threads: that compute a few predictions.
    """
    with open_bundle(path) as bundle:
        manifest = _read_manifest(bundle)
        listed = {
            name: _read_listed(bundle, manifest, name)
            for name in STORED_FILES
            # The previous release leaves this file out of a bundle, and not out of the manifest.
            if name in manifest.files and (name != HELD_OUT_FILE or bundle.has(name))
        }
    if WEIGHTS_FILE not in listed:
        raise BundleRejectedError(f"The manifest lists no {WEIGHTS_FILE}.")
    try:
        return _checked(manifest, listed, threads)
    except CorruptArtifactError as error:
        raise BundleRejectedError(str(error)) from error


def _read_manifest(bundle: OpenedBundle) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(bundle.read(MANIFEST_FILE))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise BundleRejectedError(
            f"{MANIFEST_FILE} is not that of a model: {place}: {first['msg'][:200]}"
        ) from None
    check_claims(manifest)
    return manifest


def _read_listed(bundle: OpenedBundle, manifest: Manifest, name: str) -> bytes:
    data, facts = bundle.read(name), manifest.files[name]
    if len(data) != facts.size_bytes or hashlib.sha256(data).hexdigest() != facts.sha256:
        raise BundleRejectedError(
            f"{name} is not the file that the manifest lists: its SHA-256 or size differ."
        )
    return data


def _checked(manifest: Manifest, listed: dict[str, bytes], threads: int) -> ImportedModel:
    given, classes = manifest.preprocessing, manifest.classes
    weights = read_network(listed[WEIGHTS_FILE], len(classes))
    network = TrainedNetwork(weights, given.mean, given.std, given.image_size, manifest.temperature)
    files = {WEIGHTS_FILE: listed[WEIGHTS_FILE]}
    graphs = rebuild_graphs(network, listed.get(INT8_FILE) if _has_int8(manifest) else None, threads)
    if manifest.onnx is not None and ONNX_FILE in listed:
        files |= graphs
    if PREDICTIONS_FILE in listed:
        predictions = parse_predictions(listed[PREDICTIONS_FILE], len(classes))
        check_image_ids(predictions)
        evaluation = evaluate(predictions, classes, manifest.temperature, manifest.dataset)
        files[PREDICTIONS_FILE] = listed[PREDICTIONS_FILE]
        files[EVALUATION_FILE] = evaluation.model_dump_json(indent=1).encode()
    if EPOCHS_FILE in listed:
        files[EPOCHS_FILE] = parse_epochs(listed[EPOCHS_FILE]).model_dump_json().encode()
    if HELD_OUT_FILE in listed:
        files[HELD_OUT_FILE] = parse_held_out(listed[HELD_OUT_FILE]).model_dump_json().encode()
    return ImportedModel(manifest.name, _draft(manifest, files), files)


def _has_int8(manifest: Manifest) -> bool:
    return manifest.onnx is not None and manifest.onnx.int8 is not None


def _draft(manifest: Manifest, files: dict[str, bytes]) -> dict[str, Any]:
    origin: dict[str, JsonValue] = {
        "id": manifest.id,
        "name": manifest.name,
        "version": manifest.version,
        "created_at": manifest.created_at.isoformat(),
        "created_by": manifest.created_by,
        "job_id": manifest.job_id,
    }
    facts = {name: FileFacts.of(data) for name, data in files.items()}
    onnx = manifest.onnx if ONNX_FILE in files else None
    if onnx is not None and INT8_FILE not in files:
        onnx = onnx.model_copy(update={"int8": None})
    changed = manifest.model_copy(
        update={"files": facts, "onnx": onnx, "lineage": {**manifest.lineage, IMPORTED_FROM: origin}}
    )
    text = changed.model_dump_json()
    try:  # a number that is not finite is written as null, which no reader would take
        Manifest.model_validate_json(text)
    except ValidationError:
        raise BundleRejectedError("A number in the manifest is not finite.") from None
    return _known_fields(changed.stored())


def _known_fields(stored: dict[str, Any]) -> dict[str, Any]:
    """Leave out what this service gives, and fields of later releases: an earlier one beside this would refuse them."""
    known = {
        name: value
        for name, value in stored.items()
        if name in ManifestDraft.model_fields and name not in _GIVEN_HERE
    }
    for name, part in _PARTS.items():
        known[name] = {field: value for field, value in known[name].items() if field in part.model_fields}
    return known
