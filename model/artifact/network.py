"""Reads the network of a published model as arrays. Imports no torch."""

from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError
from safetensors.numpy import load

from model.artifact.files import read_file
from model.artifact.manifest import WEIGHTS_FILE, Manifest
from model.errors import CorruptArtifactError
from model.export.trained_network import TrainedNetwork
from model.storage.interface import Storage


@contextmanager
def stored_network(storage: Storage, manifest: Manifest) -> Iterator[TrainedNetwork]:
    """Provide the network of a model to a block that builds a graph of it.

    Raises:
        CorruptArtifactError: the stored weights are damaged, differ from the published ones, or lack a layer that the
            block needs.
        StorageError: they cannot be read.
    """
    data = read_file(storage, manifest, WEIGHTS_FILE)
    preprocessing = manifest.preprocessing
    try:
        network = TrainedNetwork(
            load(data), preprocessing.mean, preprocessing.std, preprocessing.image_size, manifest.temperature
        )
        del data
        if len(network.head_KC) != len(manifest.classes):
            raise KeyError("head.weight")
        yield network
    except SafetensorError as error:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are not in safetensors format: restore them from a backup, or train again."
        ) from error
    except (KeyError, ValueError) as error:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are of another network than ResNet9: train the model again."
        ) from error
