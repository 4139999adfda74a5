import multiprocessing
import os
import resource
import shutil
import signal
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event as EventType
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.data.built_in.facts import BUILT_IN
from model.data.exporting import export_images
from model.data.images import MAX_PIXELS, decode_image, resize_image
from model.data.importing import import_dataset
from model.data.opening import OpenSplit
from model.data.prepared import dataset as prepared_dataset
from model.data.prepared.cache import KEPT_FREE_BYTES, build_lock
from model.data.prepared.dataset import PreparedSplit, prepare_dataset
from model.data.prepared.image_file import NewImageFile
from model.data.record import IMAGES_FILE, dataset_key
from model.errors import CorruptArtifactError, DatasetTooLargeError, StorageError
from model.spec import Resize
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.pictures import two_classes, write_zip
from tests.stored import stored_path


def cached_files(cache_dir: Path) -> list[Path]:
    return sorted((cache_dir / "prepared").glob("[!.]*/*"))


def pixels(split: PreparedSplit) -> NDArray[np.uint8]:
    return split.images.read(np.arange(len(split.images)))


def test_digits_become_squares(storage: Storage, tmp_path: Path) -> None:
    digits = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path)
    assert digits.train.images.shape == (1423, 16, 16, 3)
    assert digits.test.images.shape == (374, 16, 16, 3)
    assert digits.train.labels_N.dtype == np.int64
    assert digits.facts == BUILT_IN["digits"]
    assert np.bincount(digits.test.labels_N).tolist() == digits.facts.test_counts


def test_training_and_prediction_see_the_same_pixels(storage: Storage, tmp_path: Path) -> None:
    digits = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path)
    for label, path in enumerate(
        export_images("digits", "test", 10, tmp_path / "out", storage=storage, cache_dir=tmp_path)
    ):
        served = resize_image(decode_image(path.read_bytes(), image_size=16), 16, Resize.SQUASH)
        trained = pixels(digits.test)[digits.test.labels_N == label][0]
        assert np.array_equal(served, trained)


def test_an_imported_dataset_is_prepared_from_its_files(storage: Storage, tmp_path: Path) -> None:
    files = two_classes()
    facts = import_dataset(write_zip(tmp_path / "pets.zip", files), storage, "pets").facts
    pets = prepare_dataset(facts.id, 16, Resize.CROP, storage, tmp_path)
    assert np.bincount(pets.train.labels_N).tolist() == facts.train_counts
    assert np.bincount(pets.test.labels_N).tolist() == facts.test_counts
    prepared = [*pets.train.images, *pets.test.images]
    expected = {
        resize_image(decode_image(data, image_size=16), 16, Resize.CROP).tobytes() for data in files.values()
    }
    assert {image.tobytes() for image in prepared} == expected


def test_each_size_and_resize_has_its_own_cache(storage: Storage, tmp_path: Path) -> None:
    facts = import_dataset(write_zip(tmp_path / "pets.zip", two_classes()), storage, "pets").facts
    crop, pad, larger = (
        prepare_dataset(facts.id, size, resize, storage, tmp_path)
        for size, resize in ((16, Resize.CROP), (16, Resize.PAD), (20, Resize.CROP))
    )
    assert not np.array_equal(pixels(crop.train), pixels(pad.train))
    assert larger.train.images.shape[1:] == (20, 20, 3)


def test_the_cache_is_reused(storage: Storage, tmp_path: Path) -> None:
    first = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path)
    times = [path.stat().st_mtime_ns for path in cached_files(tmp_path)]
    again = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path)
    assert np.array_equal(pixels(again.train), pixels(first.train))
    assert [path.stat().st_mtime_ns for path in cached_files(tmp_path)] == times


@pytest.mark.parametrize("damage", ["truncate", "zero", "remove", "meta"])
def test_a_damaged_cache_is_built_again(damage: str, storage: Storage, tmp_path: Path) -> None:
    whole = pixels(prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path).train)
    folder = cached_files(tmp_path)[0].parent
    images = folder / "train_images.npy"
    data = images.read_bytes()
    if damage == "truncate":
        images.write_bytes(data[:-1000])
    elif damage == "zero":
        images.write_bytes(data[:-1000] + bytes(1000 - 1) + b"\x01")
    elif damage == "remove":
        images.unlink()
    else:
        (folder / "meta.json").write_text('{"train_images": 1}')
    again = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path)
    assert np.array_equal(pixels(again.train), whole)


def _prepare_in_a_process(root: str, dataset: str) -> float:
    prepared = prepare_dataset(dataset, 16, Resize.SQUASH, open_storage(f"file://{root}/storage"), Path(root))
    return float(pixels(prepared.train).sum())


def test_several_trainers_may_prepare_the_same_dataset_at_once(storage: Storage, tmp_path: Path) -> None:
    facts = import_dataset(write_zip(tmp_path / "pets.zip", two_classes(100)), storage, "pets").facts
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        sums = pool.starmap(_prepare_in_a_process, [(str(tmp_path), facts.id)] * 6)
    assert len(set(sums)) == 1
    assert [path.name for path in (tmp_path / "prepared").iterdir() if not path.name.endswith(".lock")] == [
        cached_files(tmp_path)[0].parent.name
    ]


def test_the_unfinished_cache_of_a_killed_trainer_is_built_again(storage: Storage, tmp_path: Path) -> None:
    prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path)
    folder = cached_files(tmp_path)[0].parent
    folder.rename(folder.parent / f".{folder.name}")
    assert prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path).train.labels_N.any()


def test_damaged_images_in_storage_are_reported(storage: Storage, tmp_path: Path) -> None:
    facts = import_dataset(write_zip(tmp_path / "pets.zip", two_classes()), storage, "pets").facts
    path = stored_path(storage, dataset_key(facts.id, IMAGES_FILE))
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptArtifactError, match=r"import it again|no longer can"):
        prepare_dataset(facts.id, 16, Resize.SQUASH, storage, tmp_path)


def _prepare_with_a_file_size_limit(root: str) -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        _prepare_in_a_process(root, "digits")
    except StorageError as error:
        return str(error)
    return "prepared"


def test_a_full_disk_raises_a_storage_error(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert "free some space" in pool.apply(_prepare_with_a_file_size_limit, (str(tmp_path),))


@pytest.mark.parametrize(
    ("room", "advice"), [(1797 * 24 * 24 * 3, "choose image_size 24"), (1e6, "free some space")]
)
def test_images_that_the_disk_has_no_room_for_are_refused_with_the_size_that_fits(
    room: float, advice: str, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=int(room) + KEPT_FREE_BYTES))
    with pytest.raises(DatasetTooLargeError, match=f"The 1797 images take 0.01 GB at 32 px.*{advice}"):
        prepare_dataset("digits", 32, Resize.SQUASH, storage, tmp_path)


def test_without_posix_fallocate_the_images_are_the_same_and_have_their_space(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path / "linux")
    monkeypatch.delattr(os, "posix_fallocate")  # as on macOS
    prepared = prepare_dataset("digits", 16, Resize.SQUASH, storage, tmp_path / "macos")
    assert np.array_equal(pixels(prepared.train), pixels(expected.train))
    for path in cached_files(tmp_path / "macos"):
        assert path.stat().st_blocks * 512 >= path.stat().st_size


def test_many_threads_hold_the_pixels_of_few_large_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with 64 CPUs would otherwise decode 64 images of 64 million pixels at once."""
    monkeypatch.setattr(prepared_dataset, "cpu_quota", lambda: 6)
    lock, never, held, most = threading.Lock(), threading.Event(), 0, 0

    def read(
        index: int, image_size: int, before_pixels: Callable[[int], object] | None = None
    ) -> Image.Image:
        nonlocal held, most
        assert before_pixels
        before_pixels(MAX_PIXELS)
        with lock:
            held += 1
            most = max(most, held)
        never.wait(0.0005)  # so that several threads decode at the same time
        with lock:
            held -= 1
        return Image.new("RGB", (image_size, image_size), (index % 256, 0, 0))

    images = 6 * prepared_dataset.CHUNK_IMAGES
    prepared_dataset._write_images(
        NewImageFile(tmp_path / "images.npy", (images, 16, 16, 3)),
        OpenSplit([0] * images, [""] * images, read),
        16,
        Resize.SQUASH,
    )
    assert 1 <= most <= 2
    assert np.load(tmp_path / "images.npy")[:, 0, 0, 0].tolist() == [index % 256 for index in range(images)]


def _hold_the_lock_until_killed(root: str, is_locked: EventType) -> None:
    with build_lock(Path(root, "digits")):
        is_locked.set()
        signal.pause()


def test_a_killed_trainer_releases_the_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    is_locked = context.Event()
    trainer = context.Process(target=_hold_the_lock_until_killed, args=(str(tmp_path), is_locked))
    trainer.start()
    assert is_locked.wait(60)
    trainer.kill()
    trainer.join()
    with build_lock(tmp_path / "digits"):
        pass
