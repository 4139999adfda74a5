"""The folder to which `python -m model train` writes its model."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, unregistered_manifest
from model.errors import ModelExistsError, StorageError
from model.spec import ResolvedSpec

if TYPE_CHECKING:
    from model.artifact.trained_model import TrainedModel


def check_folder(folder: Path, *, may_replace: bool) -> None:
    """Raise ModelExistsError if the folder has a model that may not be replaced."""
    found = [name for name in (MANIFEST_FILE, WEIGHTS_FILE) if (folder / name).exists()]
    if found and not may_replace:
        raise ModelExistsError(
            f"{folder / found[0]} exists: choose another folder with --out, or replace its model with --force."
        )


def make_folder(folder: Path) -> None:
    """Make the folder before the training, so that no trained model is lost for want of a place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written ({error.strerror}): choose another folder with --out."
        ) from error


def write_model(trained: "TrainedModel", spec: ResolvedSpec, folder: Path) -> Manifest:
    """Write all files, the manifest last; return the manifest."""
    from model.artifact.staging import draft_model  # noqa: PLC0415 - imports torch

    draft, files = draft_model(trained)
    manifest = unregistered_manifest(draft, "local", spec.name)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
