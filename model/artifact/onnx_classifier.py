"""Loads a published model and classifies images with it on the CPU. Imports no torch, and knows no image files."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import numpy as np
from numpy.typing import NDArray

from model.artifact.files import read_file
from model.artifact.images import check_images, warm_up_images
from model.artifact.manifest import Manifest
from model.artifact.network import stored_network
from model.artifact.precision import Precision, PrecisionSetting, cpu_precision
from model.export.engine import Engine
from model.export.facts import INT8_FILE, ONNX_FILE
from model.host.allocator import return_free_memory
from model.storage.interface import Storage


class OnnxClassifier:
    """The network of a model, with its normalisation and temperature."""

    def __init__(self, graph: bytes, image_size: int, threads: int, precision: Precision) -> None:
        self.precision = precision
        self._size = image_size
        self._engine = Engine(graph, threads)

    @classmethod
    def load(
        cls,
        storage: Storage,
        manifest: Manifest,
        threads: int,
        setting: PrecisionSetting = PrecisionSetting.AUTO,
    ) -> "OnnxClassifier":
        """Read and check the network of a model, and classify once so that the first request is as fast as later ones.

        Args:
            storage: of the model.
            manifest: of the model.
            threads: that compute.
            setting: which precision may be used.

        Raises:
            CorruptArtifactError: the stored files are damaged or differ from the published ones.
            StorageError: they cannot be read.
            MemoryError: memory does not suffice.
        """
        size = manifest.preprocessing.image_size
        precision = cpu_precision(manifest, setting)
        classifier = cls(_read_graph(storage, manifest, precision), size, threads, precision)
        for images_NHWC in warm_up_images(size):
            classifier.classify(images_NHWC)
        return_free_memory()  # of the file, which is read completely before it is loaded
        return classifier

    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the calibrated probabilities as float32 [N, classes]; raises MemoryError.

        Args:
            images_NHWC: uint8 images of the model's size, made by `model.data.images.resize_image`.
        """
        check_images(images_NHWC, self._size)
        return self._engine.probabilities(images_NHWC)


def _read_graph(storage: Storage, manifest: Manifest, precision: Precision) -> bytes:
    if precision is Precision.INT8:
        return read_file(storage, manifest, INT8_FILE)
    if ONNX_FILE in manifest.files:
        return read_file(storage, manifest, ONNX_FILE)
    return _build_graph(storage, manifest)


def _build_graph(storage: Storage, manifest: Manifest) -> bytes:
    """Build the float32 graph from the weights: models of earlier versions were published without it."""
    from model.export.graph import GraphBuilder  # noqa: PLC0415 - the library takes 13 MB, and few models need it

    with stored_network(storage, manifest) as network:
        return GraphBuilder(network).build()
