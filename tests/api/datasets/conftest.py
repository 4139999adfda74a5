"""A worker of the lane `light` beside the API."""

from collections.abc import Iterator

import pytest

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.importing import running_importer


@pytest.fixture(autouse=True)
def _no_uploads(settings: ApiSettings) -> None:
    """Delete the uploads of earlier tests, whose imports Redis has forgotten."""
    open_storage(settings.storage).delete("uploads")


@pytest.fixture
def importer(settings: ApiSettings, redis_url: str) -> Iterator[None]:
    """Run the imports that the test's uploads queue."""
    with running_importer(settings):
        yield
