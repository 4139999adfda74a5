"""The built-in datasets: their facts, known without any file, and how to read their images. Imports no torch."""

import hashlib
from pathlib import Path

import numpy as np

from model.data.sources.cifar import CIFAR10, CIFAR100, read_cifar
from model.data.sources.digits import read_digits
from model.data.sources.fashion_mnist import DOWNLOADS, read_fashion_mnist
from model.data.sources.pixels import Pixels
from model.data.split import choose_test_images
from model.spec import DatasetFacts

_CIFAR100_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
""".split()  # noqa: SIM905  # a list would take a hundred lines

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
        content_hash=CIFAR10.download.sha256,
    ),
    "cifar100": DatasetFacts(
        id="cifar100",
        name="cifar100",
        classes=_CIFAR100_CLASSES,
        train_counts=[500] * 100,
        test_counts=[100] * 100,
        median_width=32,
        median_height=32,
        content_hash=CIFAR100.download.sha256,
    ),
    "fashion-mnist": DatasetFacts(
        id="fashion-mnist",
        name="fashion-mnist",
        # The authors' name is "T-shirt/top"; class names contain no slash because they may become folder names.
        classes=[
            "T-shirt",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        train_counts=[6000] * 10,
        test_counts=[1000] * 10,
        median_width=28,
        median_height=28,
        content_hash=hashlib.sha256("".join(file.sha256 for file in DOWNLOADS).encode()).hexdigest(),
    ),
}


def read_built_in(name: str, cache_dir: Path) -> tuple[Pixels, Pixels]:
    """Return the training images and the test images of a built-in dataset, downloading its files when necessary.

    Args:
        name: a key of `BUILT_IN`.
        cache_dir: downloads are kept in its subfolder `downloads`.

    Raises:
        DatasetUnavailableError: the dataset cannot be downloaded.
    """
    downloads = cache_dir / "downloads"
    match name:
        case "digits":
            return _split(read_digits())
        case "cifar10":
            return read_cifar(CIFAR10, downloads)
        case "cifar100":
            return read_cifar(CIFAR100, downloads)
        case "fashion-mnist":
            return read_fashion_mnist(downloads)
    raise KeyError(name)


def _split(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Split into training and test images by the rule that is used for imported datasets."""
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in pixels.images_NHWC]
    chosen = choose_test_images([str(label) for label in pixels.labels_N], digests).test
    is_test_N = np.array([digest in chosen for digest in digests])
    train, test = (
        Pixels(pixels.images_NHWC[mask_N], pixels.labels_N[mask_N]) for mask_N in (~is_test_N, is_test_N)
    )
    return train, test
