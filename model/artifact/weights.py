"""A published model's weights, read back: only ever as they were published."""

import hashlib

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.errors import CorruptArtifactError, InitModelUnavailableError
from model.network.resnet9 import ResNet9
from model.storage.interface import Storage

_HEAD = "head.weight"


def read_weights(storage: Storage, manifest: Manifest) -> dict[str, Tensor]:
    """The weights that a manifest is of.

    Raises:
        CorruptArtifactError: they are not those that were published.
        StorageError: they cannot be read.
    """
    expected = manifest.files.get(WEIGHTS_FILE)
    if expected is None:
        raise CorruptArtifactError(f"The manifest of {manifest.id} names no {WEIGHTS_FILE}.")
    data = storage.read_bytes(model_key(manifest.id, WEIGHTS_FILE))
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are not those that were published: restore them from a backup, or "
            "train again."
        )
    try:
        return load(data)
    except SafetensorError as error:
        raise CorruptArtifactError(f"The weights of {manifest.id} are no safetensors file.") from error


def load_initial_weights(network: ResNet9, classes: list[str], storage: Storage, model_id: str) -> None:
    """Give a network another model's weights; classes that the model does not have keep their fresh ones.

    Raises:
        InitModelUnavailableError: the model was deleted since the job was posted.
        CorruptArtifactError: its weights are not those that were published.
    """
    manifest_key = model_key(model_id, MANIFEST_FILE)
    if not storage.exists(manifest_key):
        raise InitModelUnavailableError(model_id)
    manifest = Manifest.model_validate_json(storage.read_bytes(manifest_key))
    weights = read_weights(storage, manifest)
    head_KC = network.head.weight.detach().clone()
    rows = {name: row for row, name in enumerate(manifest.classes)}
    for row, name in enumerate(classes):
        if name in rows:
            head_KC[row] = weights[_HEAD][rows[name]]
    network.load_state_dict({**weights, _HEAD: head_KC})
