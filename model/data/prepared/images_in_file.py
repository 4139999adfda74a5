"""Images that stay in the prepared dataset's file and are brought to the device a batch at a time."""
# ruff: noqa: N803 - shapes in names: rows_N

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.data.prepared.image_file import ImageFile
from model.device.device import Device


class ImagesInFile:
    """Some of the images of a file; see `Images`."""

    device = torch.device("cpu")

    def __init__(self, file: ImageFile, rows_N: NDArray[np.int64], device: Device) -> None:
        self._file, self._rows_N, self._device = file, rows_N, device
        self.shape = torch.Size((len(rows_N), *file.shape[1:]))

    def __len__(self) -> int:
        return len(self._rows_N)

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        rows_N = self._rows_N[chosen if isinstance(chosen, slice) else chosen.numpy()]
        batch_NHWC = self._device.host_buffer((len(rows_N), *self.shape[1:]))
        self._file.read(rows_N, out=batch_NHWC.numpy())
        return self._device.place(batch_NHWC)
