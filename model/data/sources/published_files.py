"""The files of the public datasets: their addresses and their sha256. Imports no numpy."""

from pathlib import Path

from model.data.sources.downloads import Download, fetch

CIFAR10_ARCHIVE = Download(
    "cifar10",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
CIFAR100_ARCHIVE = Download(
    "cifar100",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
)

_FASHION_MNIST_SITE = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
"""The authors' site, which offers no https; the pinned sha256 of each file protects against tampering."""


def _file(name: str, sha256: str) -> Download:
    return Download("fashion-mnist", f"{_FASHION_MNIST_SITE}{name}-ubyte.gz", sha256)


FASHION_MNIST_FILES = (
    _file("train-images-idx3", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    _file("train-labels-idx1", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    _file("t10k-images-idx3", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    _file("t10k-labels-idx1", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
"""Training images, training labels, test images, test labels."""

BUILT_IN_FILES: dict[str, tuple[Download, ...]] = {
    "digits": (),
    "cifar10": (CIFAR10_ARCHIVE,),
    "cifar100": (CIFAR100_ARCHIVE,),
    "fashion-mnist": FASHION_MNIST_FILES,
}
"""The files of each built-in dataset that are downloaded."""


def fetch_built_in(name: str, cache_dir: Path) -> None:
    """Download the files of a built-in dataset that are missing; raises DatasetUnavailableError."""
    for file in BUILT_IN_FILES[name]:
        fetch(file, downloads_folder(cache_dir))


def downloads_folder(cache_dir: Path) -> Path:
    """Return the folder of the downloads of built-in datasets."""
    return cache_dir / "downloads"
