from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.network import resnet9
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.tiny_training import TinyTraining, import_colours

NARROWER = 4


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute with one thread: several test processes share the cores, and OpenMP threads that wait keep them busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def narrow_network() -> Iterator[None]:
    """Train with fewer channels, which takes a tenth of the time, where the size of the network does not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet9, "WIDTH", resnet9.WIDTH // NARROWER)
        yield


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Empty storage in a folder of its own."""
    return open_storage(f"file://{tmp_path}/storage")


@pytest.fixture(scope="session")
def tiny_training(tmp_path_factory: pytest.TempPathFactory) -> TinyTraining:
    """Storage and cache with a tiny imported dataset, shared by all tests of a session."""
    root = tmp_path_factory.mktemp("tiny_training")
    storage = open_storage((root / "storage").as_uri())
    return TinyTraining(storage, root / "cache", import_colours(root / "images", storage))
