"""Loads models from storage into memory. The only module of the API that imports torch, and only when called."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from api.predictor.errors import CorruptModelError, ModelUnavailableError
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.data.images import decode_image, resize_image
from model.data.pixel_budget import PixelBudget
from model.errors import CorruptArtifactError, ImageTooLargeError, StorageError
from model.host.cpus import cpu_quota
from model.storage.opening import open_storage
from worker.redis_server.projects import parse_model_address, storage_url

if TYPE_CHECKING:
    from model.artifact.classifier import Classifier

_NO_ROOM = "There is not enough memory to load this model at the moment: try again, or give the predictor more memory."

log = logging.getLogger(__name__)


@contextmanager
def _as_memory_error() -> Iterator[None]:
    """Raise a lack of memory on any device as MemoryError."""
    from model.device.device import is_out_of_memory  # noqa: PLC0415 - imports torch

    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from None
        raise


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A classifier with its labels and its preprocessing."""

    manifest: Manifest
    classifier: "Classifier"
    pixel_budget: PixelBudget

    @property
    def classes(self) -> list[str]:
        """Labels, in the order of the scores."""
        return self.manifest.classes

    @property
    def size_bytes(self) -> int:
        """Memory of the weights: the size of their file."""
        return self.manifest.files[WEIGHTS_FILE].size_bytes

    def decode(self, data: bytes) -> np.ndarray:
        """Decode an image file to HWC, uint8, with the preprocessing of training; raises `model.errors.ImageError`."""
        preprocessing = self.manifest.preprocessing
        size = preprocessing.image_size
        with self.pixel_budget.share() as take:
            image = decode_image(
                data, image_size=size, sample_bits=preprocessing.sample_bits, before_pixels=take
            )
            try:
                return resize_image(image, size, preprocessing.resize)
            except MemoryError as error:
                raise ImageTooLargeError(
                    "There is not enough memory for this image at the moment: send a smaller copy."
                ) from error

    def classify(self, images_NHWC: np.ndarray, /) -> np.ndarray:  # noqa: N803 - the name tells the shape
        """Return calibrated scores_NK for images_NHWC (uint8); raises MemoryError."""
        with _as_memory_error():
            return self.classifier.classify(images_NHWC)


class ModelLoader:
    """Loads models in a thread of its own, so that loaded models keep answering meanwhile."""

    def __init__(self, storage: str, device: str) -> None:
        """`storage` is the URL of the storage of all projects."""
        self._storage = storage
        self._device = device
        self._pixel_budget = PixelBudget()
        self._thread = ThreadPoolExecutor(1, "load")
        self.threads = cpu_quota()
        self.is_ready = False

    @property
    def is_on_gpu(self) -> bool:
        """Whether models compute on a GPU."""
        return self._device.startswith("cuda")

    async def prepare(self) -> None:
        """Import torch and choose the device."""
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
        import torch  # noqa: PLC0415 - takes seconds; the socket must answer meanwhile

        torch.set_num_threads(self.threads)
        if self._device == "auto":
            self._device = "cuda" if torch.cuda.is_available() else "cpu"
        log.info("ready on %s with %d threads", self._device, self.threads)

    def _load(self, address: str) -> LoadedModel:
        from model.artifact.classifier import Classifier  # noqa: PLC0415 - imports torch

        model_id, project = parse_model_address(address)
        try:
            storage = open_storage(storage_url(self._storage, project))
            manifest = Manifest.model_validate_json(storage.read_bytes(model_key(model_id, MANIFEST_FILE)))
            with _as_memory_error():
                classifier = Classifier.load(storage, manifest, self._device)
            loaded = LoadedModel(manifest, classifier, self._pixel_budget)
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
        log.info("loaded %s (%s:%d)", model_id, manifest.name, manifest.version)
        return loaded
