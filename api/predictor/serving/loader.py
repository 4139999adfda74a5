"""Loads models from storage into memory. The only module of the API that imports torch: on a GPU, and when called."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from api.predictor.decoding.preparation import LargeImage, prepare_small
from api.predictor.errors import CorruptModelError, CoverageUnavailableError, ModelUnavailableError
from api.predictor.protocol.image_data import ImageData
from model.artifact.held_out import read_held_out
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.artifact.precision import Precision, PrecisionSetting
from model.errors import CorruptArtifactError, StorageError, TooFewHeldOutImagesError
from model.export.held_out import HeldOutScores
from model.host.allocator import return_free_memory
from model.host.cpus import cpu_quota
from model.host.gpus import may_have_gpu
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.queue.ids import JOB_PREFIX, parse_checkpoint_address
from worker.redis_server.projects import parse_model_address, storage_url

if TYPE_CHECKING:
    from model.artifact.classifier import Classifier
    from model.artifact.onnx_classifier import OnnxClassifier
    from model.explanation.explainer import ImageExplanation

_NO_ROOM = "There is not enough memory to load this model at the moment: try again, or give the predictor more memory."

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A classifier with its labels and its preprocessing."""

    manifest: Manifest
    classifier: "Classifier | OnnxClassifier"
    storage_url: str
    threads: int
    epoch: int | None = None
    """Of a checkpoint; None for a published model."""

    @property
    def classes(self) -> list[str]:
        """Labels, in the order of the scores."""
        return self.manifest.classes

    @property
    def precision(self) -> Precision:
        """The numbers that the model computes with."""
        return self.classifier.precision

    @property
    def size_bytes(self) -> int:
        """Memory of the weights: the size of their file."""
        return self.manifest.files[WEIGHTS_FILE].size_bytes

    def least_probability(self, coverage: float) -> float:
        """Return the probability from which on a class is in an image's set of labels.

        Raises:
            CoverageUnavailableError: the model has not enough scores of held-out images.
            CorruptModelError: they are not those that were published.
            ModelUnavailableError: they cannot be read.
        """
        try:
            return self._held_out.least_probability(self.precision, coverage)
        except TooFewHeldOutImagesError as error:
            raise CoverageUnavailableError(str(error)) from error

    @cached_property
    def _held_out(self) -> HeldOutScores:
        with _translated_errors(self.manifest.id):
            return read_held_out(open_storage(self.storage_url), self.manifest)

    def prepare(self, image: ImageData) -> np.ndarray | LargeImage:
        """Return an image as HWC, uint8, with the preprocessing of training, or a large one undecoded.

        Raises:
            ImageError: the bytes are no image that can be decoded.
        """
        return prepare_small(image, self.manifest.preprocessing)

    def classify(self, images_NHWC: np.ndarray, /) -> np.ndarray:  # noqa: N803 - the name tells the shape
        """Return calibrated scores_NK for images_NHWC (uint8); raises MemoryError."""
        return self.classifier.classify(images_NHWC)

    def explain(self, images: Sequence[np.ndarray], labels: Sequence[int], /) -> "list[ImageExplanation]":
        """Say where in each image (HWC, uint8) the evidence for its class lies.

        A second network computes the features, also where the first one is in int8 or on a GPU. It is in memory during
        this call only: explanations are rare, and it takes as much as the model.

        Raises:
            CorruptModelError: the weights do not match the checksum in the manifest.
            ModelUnavailableError: the weights cannot be read, or memory does not suffice.
        """
        with _translated_errors(self.manifest.id):
            try:
                return self._explain(images, labels)
            finally:
                return_free_memory()

    def _explain(self, images: Sequence[np.ndarray], labels: Sequence[int]) -> "list[ImageExplanation]":
        from model.explanation.explainer import Explainer  # noqa: PLC0415 - the libraries take 13 MB

        explainer = Explainer.load(open_storage(self.storage_url), self.manifest, self.threads)
        return [explainer.explain(image, label) for image, label in zip(images, labels, strict=True)]


class ModelLoader:
    """Loads models in a thread of its own, so that loaded models keep answering meanwhile."""

    def __init__(
        self, storage: str, device: str, precision: PrecisionSetting = PrecisionSetting.AUTO
    ) -> None:
        """`storage` is the URL of the storage of all projects."""
        self._precision = precision
        self._storage = storage
        self._device = device
        self._thread = ThreadPoolExecutor(1, "load")
        self.threads = cpu_quota()
        self.is_ready = False

    @property
    def is_on_gpu(self) -> bool:
        """Whether models compute on a GPU."""
        return self._device.startswith("cuda")

    async def prepare(self) -> None:
        """Choose the device, and import the library that computes on it."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._prepare)
        self.is_ready = True

    async def load(self, address: str) -> LoadedModel:
        """Load one model, by its address, and warm it up.

        Raises:
            CorruptModelError: the weights do not match the checksum in the manifest.
            ModelUnavailableError: the files cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._load, address)

    def _prepare(self) -> None:
        # The imports take seconds with torch; the socket must answer meanwhile.
        if self.is_on_gpu or (self._device == "auto" and may_have_gpu()):
            import torch  # noqa: PLC0415 - see above

            torch.set_num_threads(self.threads)
            if self._device == "auto":
                self._device = "cuda" if torch.cuda.is_available() else "cpu"
        if not self.is_on_gpu:
            self._device = "cpu"
            import model.artifact.onnx_classifier  # noqa: F401, PLC0415 - see above
        log.info("ready on %s with %d threads", self._device, self.threads)

    def _classifier(self, storage: Storage, manifest: Manifest) -> "Classifier | OnnxClassifier":
        if self.is_on_gpu:
            from model.artifact.classifier import Classifier  # noqa: PLC0415 - imports torch

            return Classifier.load(storage, manifest, self._device)
        from model.artifact.onnx_classifier import OnnxClassifier  # noqa: PLC0415 - imports ONNX Runtime

        return OnnxClassifier.load(storage, manifest, self.threads, self._precision)

    def _load(self, address: str) -> LoadedModel:
        model_id, project = parse_model_address(address)
        if model_id.startswith(JOB_PREFIX):
            return self._load_checkpoint(model_id, project)
        with _translated_errors(model_id):
            url = storage_url(self._storage, project)
            storage = open_storage(url)
            manifest = Manifest.model_validate_json(storage.read_bytes(model_key(model_id, MANIFEST_FILE)))
            classifier = self._classifier(storage, manifest)
        loaded = LoadedModel(manifest, classifier, url, self.threads)
        log.info("loaded %s (%s:%d) in %s", model_id, manifest.name, manifest.version, loaded.precision)
        return loaded

    def _load_checkpoint(self, address: str, project: str) -> LoadedModel:
        """Load the best epoch in a checkpoint. It computes on the CPU, in float32, and no proof of int8 exists."""
        from model.artifact.checkpointed import read_checkpoint  # noqa: PLC0415 - the libraries take 13 MB
        from model.artifact.onnx_classifier import OnnxClassifier  # noqa: PLC0415 - imports ONNX Runtime

        job_id, key = parse_checkpoint_address(address)
        url = storage_url(self._storage, project)
        try:
            with _translated_errors(job_id):
                manifest, graph = read_checkpoint(open_storage(url), key, job_id)
                size = manifest.preprocessing.image_size
                classifier = OnnxClassifier(graph, size, self.threads, Precision.FLOAT32)
        except CorruptModelError as error:
            raise CorruptModelError(
                f"The checkpoint of {job_id} cannot classify: it is damaged, or an earlier release saved it. "
                "Wait for the next epoch, or for the model."
            ) from error
        epoch = manifest.metrics.best_epoch
        log.info("loaded epoch %d of %s", epoch, job_id)
        return LoadedModel(manifest, classifier, url, self.threads, epoch)


@contextmanager
def _translated_errors(model_id: str) -> Iterator[None]:
    """Raise what keeps a model from being loaded as errors of the predictor."""
    try:
        yield
    except (CorruptArtifactError, ValidationError) as error:
        log.error("model %s is corrupt: %s", model_id, error)
        raise CorruptModelError(
            f"The files of {model_id} are not those that were published, so it is not served: restore them "
            "from a backup, or name another version."
        ) from error
    except StorageError as error:
        raise ModelUnavailableError(str(error), retry_after_s=5) from error
    except MemoryError as error:
        raise ModelUnavailableError(_NO_ROOM, retry_after_s=5) from error
