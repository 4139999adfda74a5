"""The datasets that need no upload: their facts, and how to get their pixels. Facts need neither torch nor files."""

import hashlib
from pathlib import Path

import numpy as np

from model.cifar10 import ARCHIVE_SHA256, fetch_archive, read_archive
from model.dataset_split import choose_test_images
from model.pixels import Pixels
from model.spec import DatasetFacts

BUILT_IN = {
    "digits": DatasetFacts(
        id="digits",
        name="digits",
        classes=list("0123456789"),
        train_counts=[147, 150, 136, 155, 142, 147, 127, 141, 137, 141],
        test_counts=[31, 32, 41, 28, 39, 35, 54, 38, 37, 39],
        median_width=8,
        median_height=8,
        mirror_symmetric=False,
        content_hash="cb66b84d1983ebd257fa4ebb4282691f32075e231a742bfa7f8255f696abfb84",
    ),
    "cifar10": DatasetFacts(
        id="cifar10",
        name="cifar10",
        classes=["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        train_counts=[5000] * 10,
        test_counts=[1000] * 10,
        median_width=32,
        median_height=32,
        content_hash=ARCHIVE_SHA256,
    ),
}


def read_built_in(name: str, cache_dir: Path) -> tuple[Pixels, Pixels]:
    """The training and test images of a built-in dataset.

    Args:
        name: a key of `BUILT_IN`.
        cache_dir: where downloads are kept.
    """
    if name == "digits":
        return _read_digits()
    return read_archive(fetch_archive(cache_dir / "downloads"))


def _read_digits() -> tuple[Pixels, Pixels]:
    # scikit-learn takes a second to import, and only these images need it.
    from sklearn.datasets import load_digits  # noqa: PLC0415

    bunch = load_digits()
    grey = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.repeat(grey[..., np.newaxis], 3, axis=3)
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    chosen = choose_test_images([str(label) for label in bunch.target], digests)
    is_test = np.array([digest in chosen for digest in digests])
    labels = bunch.target.astype(np.int64)
    return Pixels(images[~is_test], labels[~is_test]), Pixels(images[is_test], labels[is_test])
