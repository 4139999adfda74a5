"""Loads a published model and classifies images with it on the CPU. Imports no torch, and knows no image files."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from model.artifact.batches import batches_of, warm_up_images
from model.artifact.files import read_file
from model.artifact.manifest import WEIGHTS_FILE, Manifest
from model.artifact.precision import Precision
from model.errors import CorruptArtifactError
from model.export.engine import Engine
from model.export.interface import PROBABILITIES
from model.export.trained_network import TrainedNetwork
from model.storage.interface import Storage

_BATCH_PIXELS = 16 * 32 * 32
"""Larger batches are no faster and need more memory: 1.6 kB per pixel."""


class OnnxClassifier:
    """The network of a model, with its normalisation and temperature."""

    def __init__(self, graph: bytes, image_size: int, threads: int, precision: Precision) -> None:
        self.precision = precision
        self._size = image_size
        self._engine = Engine(graph, threads)

    @classmethod
    def load(cls, storage: Storage, manifest: Manifest, threads: int) -> "OnnxClassifier":
        """Read and check the network of a model, and classify once so that the first request is as fast as later ones.

        Raises:
            CorruptArtifactError: the stored files are damaged or differ from the published ones.
            StorageError: they cannot be read.
            MemoryError: memory does not suffice.
        """
        size = manifest.preprocessing.image_size
        classifier = cls(_build_graph(storage, manifest), size, threads, Precision.FLOAT32)
        for images_NHWC in warm_up_images(size):
            classifier.classify(images_NHWC)
        return classifier

    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the calibrated probabilities as float32 [N, classes]; raises MemoryError.

        Args:
            images_NHWC: uint8 images of the model's size, made by `model.data.images.resize_image`.
        """
        batches = batches_of(images_NHWC, self._size, max_pixels=_BATCH_PIXELS)
        return np.concatenate([self._engine.run(batch_NHWC, [PROBABILITIES])[0] for batch_NHWC in batches])


def _build_graph(storage: Storage, manifest: Manifest) -> bytes:
    """Build the float32 graph from the weights: models of earlier versions were published without it."""
    from model.export.graph import GraphBuilder  # noqa: PLC0415 - the library takes 13 MB, and few models need it

    data = read_file(storage, manifest, WEIGHTS_FILE)
    preprocessing = manifest.preprocessing
    try:
        network = TrainedNetwork(
            load(data), preprocessing.mean, preprocessing.std, preprocessing.image_size, manifest.temperature
        )
        if len(network.head_KC) != len(manifest.classes):
            raise KeyError("head.weight")
        return GraphBuilder(network).build()
    except SafetensorError as error:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are not in safetensors format: restore them from a backup, or train again."
        ) from error
    except (KeyError, ValueError) as error:
        raise CorruptArtifactError(
            f"The weights of {manifest.id} are of another network than ResNet9: train the model again."
        ) from error
