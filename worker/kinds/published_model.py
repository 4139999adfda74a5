"""The model that a child process works with."""

from pydantic import ValidationError

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.errors import CorruptArtifactError
from model.storage.interface import Storage
from worker.errors import ModelNotFoundError


def read_manifest(storage: Storage, model_id: str) -> Manifest:
    """Read the manifest of a published model.

    Raises:
        ModelNotFoundError: the model was deleted.
        CorruptArtifactError: the manifest cannot be read.
    """
    key = model_key(model_id, MANIFEST_FILE)
    if not storage.exists(key):
        raise ModelNotFoundError(model_id)
    try:
        return Manifest.model_validate_json(storage.read_bytes(key))
    except ValidationError as error:
        raise CorruptArtifactError(
            f"The manifest of {model_id} cannot be read: restore it from a backup, or train again."
        ) from error
