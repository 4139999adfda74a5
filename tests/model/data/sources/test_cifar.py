import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from model.data.built_in.facts import BUILT_IN
from model.data.sources.cifar import CIFAR10, CIFAR100, Edition, read_archive

IMAGES_A_FILE = 3


def write_archive(path: Path, edition: Edition) -> np.ndarray:
    """Write an archive with the layout of an edition; returns its records."""
    names = (*edition.train_files, *edition.test_files)
    random = np.random.default_rng(0)
    shape = (len(names), IMAGES_A_FILE, edition.label_bytes + 3072)
    records = random.integers(0, 256, shape, dtype=np.uint8)
    with tarfile.open(path, "w:gz") as tar:
        for name, part in zip(names, records, strict=True):
            info = tarfile.TarInfo(name)
            info.size = part.nbytes
            tar.addfile(info, io.BytesIO(part.tobytes()))
    return records


@pytest.mark.parametrize(("edition", "class_byte"), [(CIFAR10, 0), (CIFAR100, 1)], ids=["10", "100"])
def test_records_become_images_with_channels_last(edition: Edition, class_byte: int, tmp_path: Path) -> None:
    records = write_archive(tmp_path / "a.tar.gz", edition)
    train, test = read_archive(tmp_path / "a.tar.gz", edition)
    train_files = len(edition.train_files)
    assert train.images_NHWC.shape == (train_files * IMAGES_A_FILE, 32, 32, 3)
    assert test.images_NHWC.shape == (IMAGES_A_FILE, 32, 32, 3)
    assert train.labels_N.tolist() == records[:train_files, :, class_byte].reshape(-1).tolist()
    pixels = records[0, 0, class_byte + 1 :]
    assert train.images_NHWC[0, 0, 5].tolist() == [pixels[5], pixels[1024 + 5], pixels[2048 + 5]]


def test_the_facts_of_the_downloaded_datasets_are_consistent() -> None:
    for name, classes in (("cifar10", 10), ("cifar100", 100), ("fashion-mnist", 10)):
        facts = BUILT_IN[name]
        assert len(facts.classes) == len(set(facts.classes)) == classes
        assert sum(facts.test_counts) == 10_000
        assert not any("/" in label for label in facts.classes)
