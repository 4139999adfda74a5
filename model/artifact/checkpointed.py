"""Reads the best weights of a checkpoint as a network that can classify before its training has ended. Imports no torch."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError, safe_open

from model.artifact.manifest import (
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    Manifest,
    Metrics,
    Preprocessing,
)
from model.errors import CorruptArtifactError
from model.export.graph import GraphBuilder
from model.export.trained_network import TrainedNetwork
from model.spec import ResolvedSpec
from model.storage.interface import Storage

SERVING = "serving"
"""The key in a checkpoint's header of what classifying needs besides the weights."""
_BEST = "best/"


class ServingFacts(BaseModel):
    """What classifying with a checkpoint needs besides its weights."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetReference
    classes: list[str]
    preprocessing: Preprocessing


def read_checkpoint(storage: Storage, key: str, job_id: str) -> tuple[Manifest, bytes]:
    """Return a manifest and the ONNX graph of the best epoch in a checkpoint.

    The scores are not calibrated: the temperature is 1. The test scores in the manifest are not measured: the interval
    is that of no image.

    Raises:
        CorruptArtifactError: the bytes are not those that were saved, or they are of an earlier release.
        StorageError: the checkpoint cannot be read.
    """
    try:
        with storage.as_file(key) as path:
            size_bytes = _check(key, path)
            with safe_open(path, "np") as file:
                header: dict[str, str] = file.metadata()
                names = [name for name in file.keys() if name.startswith(_BEST)]  # noqa: SIM118 - not a dict
                weights = {name.removeprefix(_BEST): file.get_tensor(name) for name in names}
        facts = ServingFacts.model_validate_json(header[SERVING])
        steps = facts.preprocessing
        network = TrainedNetwork(weights, steps.mean, steps.std, steps.image_size, temperature=1.0)
        graph = GraphBuilder(network).build()
        return _manifest(job_id, header, facts, weights, size_bytes), graph
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptArtifactError(
            f"The checkpoint of {job_id} cannot classify: it is damaged, or an earlier release saved it."
        ) from error


def _check(key: str, path: Path) -> int:
    """Return the size of a file whose SHA-256 is that in its key; raises ValueError for another."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != PurePath(key).stem.rpartition("-")[2]:
            raise ValueError(key)
        return file.tell()


def _manifest(
    job_id: str, header: dict[str, str], facts: ServingFacts, weights: dict[str, Any], size_bytes: int
) -> Manifest:
    best = json.loads(header["best"])
    spec = ResolvedSpec.model_validate_json(header["spec"])
    weights_bytes = sum(tensor.nbytes for tensor in weights.values())
    return Manifest(
        **dict(facts),
        id=job_id,
        name=spec.name,
        version=1,
        created_at=datetime.now(UTC),
        created_by=None,
        job_id=job_id,
        spec=spec,
        temperature=1.0,
        metrics=Metrics(
            test_accuracy=0.0,
            test_accuracy_tta=0.0,
            test_loss=0.0,
            ci95=(0.0, 1.0),
            best_epoch=best["epoch"],
            epochs=best["epoch"],
        ),
        files={WEIGHTS_FILE: FileFacts(sha256="0" * 64, size_bytes=min(size_bytes, weights_bytes))},
        parameters=sum(tensor.size for tensor in weights.values()),
        versions={},
    )
