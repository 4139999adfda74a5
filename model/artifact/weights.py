"""Reads the weights of published models."""

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from model.artifact.files import read_file
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.errors import CorruptArtifactError, InitModelUnavailableError
from model.network.resnet9 import ResNet9
from model.storage.interface import Storage

_HEAD = "head.weight"


def read_weights(storage: Storage, manifest: Manifest) -> dict[str, Tensor]:
    """Read the weights that belong to a manifest.

    Raises:
        CorruptArtifactError: the stored weights are damaged or differ from the published ones.
        StorageError: the weights cannot be read.
    """
    data = read_file(storage, manifest, WEIGHTS_FILE)
    try:
        return load(data)
    except SafetensorError as error:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are not in safetensors format: restore them from a backup, or train again."
        ) from error


def load_network(storage: Storage, manifest: Manifest) -> ResNet9:
    """Return the network of a published model, on the CPU.

    Raises:
        CorruptArtifactError: the stored weights are damaged, differ from the published ones, or are of another network.
        StorageError: the weights cannot be read.
    """
    network = ResNet9(len(manifest.classes))
    weights = read_weights(storage, manifest)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are of another network than ResNet9: train the model again."
        ) from error
    return network


def load_initial_weights(network: ResNet9, classes: list[str], storage: Storage, model_id: str) -> None:
    """Load the weights of a published model into a network, to continue training from them.

    The head's weights are matched by class name; classes that the model does not have keep their initial weights.

    Raises:
        InitModelUnavailableError: the model was deleted after the job was posted.
        CorruptArtifactError: the stored weights are damaged or differ from the published ones.
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
