import gzip
from pathlib import Path

import numpy as np

from model.data.sources.fashion_mnist import read_idx


def test_grey_files_become_colour_images(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (4, 28, 28), dtype=np.uint8)
    labels = np.array([3, 1, 9, 0], dtype=np.uint8)
    images_header = np.array([0x803, 4, 28, 28], dtype=">i4").tobytes()
    labels_header = np.array([0x801, 4], dtype=">i4").tobytes()
    (tmp_path / "images.gz").write_bytes(gzip.compress(images_header + grey.tobytes()))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(labels_header + labels.tobytes()))
    pixels = read_idx(tmp_path / "images.gz", tmp_path / "labels.gz")
    assert pixels.labels_N.tolist() == [3, 1, 9, 0]
    for channel in range(3):
        assert np.array_equal(pixels.images_NHWC[..., channel], grey)
