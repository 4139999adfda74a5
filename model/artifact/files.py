"""Reads the files of published models and checks that they are those that were published. Imports no torch."""

import hashlib

from model.artifact.manifest import FileFacts, Manifest, model_key
from model.errors import CorruptArtifactError
from model.storage.interface import Storage


def read_file(storage: Storage, manifest: Manifest, name: str) -> bytes:
    """Read a file that a manifest lists.

    Raises:
        CorruptArtifactError: the manifest does not list the file, or the stored bytes are not the published ones.
        StorageError: the file cannot be read.
    """
    expected = manifest.files.get(name)
    if expected is None:
        raise CorruptArtifactError(f"The manifest of {manifest.id} names no {name}.")
    data = read_checked(storage, model_key(manifest.id, name), expected)
    if data is None:
        raise CorruptArtifactError(
            f"{name} of {manifest.id} is not the file that was published: restore it from a backup, or train again."
        )
    return data


def read_checked(storage: Storage, key: str, expected: FileFacts) -> bytes | None:
    """Read an object; None if its bytes are not the expected ones.

    Raises:
        StorageError: the object cannot be read.
    """
    data = storage.read_bytes(key)
    return data if hashlib.sha256(data).hexdigest() == expected.sha256 else None
