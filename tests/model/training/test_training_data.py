"""The images of a training are on a GPU with room for them, else in the file of the cache; both train the same weights."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.data.prepared.cache import CacheLimits, PreparedCache
from model.device.device import Device, open_device
from model.spec import Augmentation
from model.training import rank
from model.training.training import run_training
from model.training.training_data import load_training_data
from tests.model.tiny_training import Recorder, TinyTraining
from tests.model.training.test_training import untimed, weight_hash

pytestmark = pytest.mark.usefixtures("narrow_network")


@dataclass(frozen=True)
class DeviceWithMemory(Device):
    """A CPU that says how much memory it has, as GPUs do."""

    free_bytes: int = 0

    def free_memory_bytes(self) -> int:
        return self.free_bytes


def device_with(free_bytes: int) -> Device:
    return DeviceWithMemory(**vars(open_device("cpu", 1)), free_bytes=free_bytes)


@pytest.mark.parametrize(
    ("recipe", "augmentation"), [("fast", Augmentation.LIGHT), ("thorough", Augmentation.PHOTO)]
)
def test_images_in_a_file_train_the_same_weights_as_images_on_the_device(
    tiny_training: TinyTraining, recipe: str, augmentation: Augmentation, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file, on_device = Recorder(), Recorder()
    given = {"recipe": recipe, "augmentation": augmentation}
    expected = tiny_training.train(in_file, **given)
    monkeypatch.setattr(rank, "open_device", lambda *_: device_with(1 << 40))
    trained = tiny_training.train(on_device, **given)
    assert weight_hash(trained) == weight_hash(expected)
    assert [untimed(row) for row in in_file.rows] == [untimed(row) for row in on_device.rows]
    assert trained.metrics == expected.metrics
    assert trained.label_errors == expected.label_errors


def test_images_are_copied_to_a_device_when_they_take_at_most_half_of_its_free_memory(
    tiny_training: TinyTraining,
) -> None:
    spec = tiny_training.spec()
    size = 3 * 16 * 16 * (tiny_training.facts.train_images + sum(tiny_training.facts.test_counts))
    for free_bytes, is_copied in ((2 * size, True), (2 * size - 1, False)):
        data = load_training_data(
            spec, tiny_training.storage, tiny_training.cache_dir, device_with(free_bytes)
        )
        images = [split.images_NHWC for split in (data.train, data.validation, data.test)]
        assert [isinstance(one, Tensor) for one in images] == [is_copied] * 3


@pytest.mark.parametrize("free_bytes", [0, 1 << 40])
def test_a_dataset_is_not_deleted_while_a_training_uses_it(
    tiny_training: TinyTraining, tmp_path: Path, free_bytes: int
) -> None:
    data = load_training_data(tiny_training.spec(), tiny_training.storage, tmp_path, device_with(free_bytes))
    cache = PreparedCache(tmp_path / "prepared", CacheLimits(max_bytes=1))
    cache.clean()
    assert list(tmp_path.glob("prepared/*/train_images.npy"))
    del data
    cache.clean()
    assert not list(tmp_path.glob("prepared/*/train_images.npy"))


def test_images_that_do_not_fit_into_memory_are_read_from_the_file(tmp_path: Path) -> None:
    """The child may allocate less than the images take; it chooses validation images, measures, and makes all batches."""
    command = [sys.executable, "-m", "tests.model.images_larger_than_memory", str(tmp_path)]
    # glibc then gives large blocks back at once, so that the limit counts what is in use.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    child = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr


@pytest.mark.gpu
def test_a_gpu_without_room_reads_the_same_images_from_the_file(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, device = tiny_training.spec(), open_device("cuda:0", 1)
    on_device = load_training_data(spec, tiny_training.storage, tiny_training.cache_dir, device)
    monkeypatch.setattr(Device, "free_memory_bytes", lambda _: 0)
    in_file = load_training_data(spec, tiny_training.storage, tiny_training.cache_dir, device)
    chosen_N = device.pin(torch.randperm(len(in_file.train)))
    images = in_file.train.images_NHWC[chosen_N]
    assert images.device == device.torch_device
    assert torch.equal(images, on_device.train.images_NHWC[device.place(chosen_N)])
    assert in_file.normalisation == on_device.normalisation
    trained = run_training(tiny_training.request(tiny_training.spec(epochs=6), device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1
