"""Puts the files of a published model into storage."""

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.storage.interface import Storage


def put_model(storage: Storage, manifest: Manifest) -> None:
    storage.put_bytes(model_key(manifest.id, WEIGHTS_FILE), b"weights")
    storage.put_bytes(model_key(manifest.id, MANIFEST_FILE), manifest.model_dump_json().encode())
