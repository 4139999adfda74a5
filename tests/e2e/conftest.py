"""A small folder of digit images, and one service that the tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import Service, running_service
from tests.handwritten import digit_images

IMAGES_PER_CLASS = 16
CLASSES = 4


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 images of handwritten digits in one folder for each of 4 classes."""
    folder = tmp_path_factory.mktemp("digits") / "tiny"
    for label in range(CLASSES):
        class_folder = folder / str(label)
        class_folder.mkdir(parents=True)
        for number, image in enumerate(digit_images(label, IMAGES_PER_CLASS)):
            image.resize((16, 16)).save(class_folder / f"{number}.png")
    return folder


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Iterator[Service]:
    """A running service to which the dataset `tiny` was added."""
    with running_service(tmp_path_factory.mktemp("data"), tiny_folder) as service:
        yield service
