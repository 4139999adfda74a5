"""The facts of the built-in datasets, known without any file. Imports neither torch nor numpy."""

import hashlib

from model.data.sources.published_files import CIFAR10_ARCHIVE, CIFAR100_ARCHIVE, FASHION_MNIST_FILES
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
        content_hash=CIFAR10_ARCHIVE.sha256,
    ),
    "cifar100": DatasetFacts(
        id="cifar100",
        name="cifar100",
        classes=_CIFAR100_CLASSES,
        train_counts=[500] * 100,
        test_counts=[100] * 100,
        median_width=32,
        median_height=32,
        content_hash=CIFAR100_ARCHIVE.sha256,
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
        content_hash=hashlib.sha256(
            "".join(file.sha256 for file in FASHION_MNIST_FILES).encode()
        ).hexdigest(),
    ),
}
