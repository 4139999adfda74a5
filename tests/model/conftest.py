from pathlib import Path

import pytest

from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.tiny import Workshop, import_colours


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Empty storage in a folder of its own."""
    return open_storage(f"file://{tmp_path}/storage")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Storage and cache with a tiny imported dataset; runs use storage keys of their own."""
    root = tmp_path_factory.mktemp("workshop")
    storage = open_storage((root / "storage").as_uri())
    return Workshop(storage, root / "cache", import_colours(root / "images", storage))
