"""Fixtures: the API over real HTTP with an empty Redis."""

from collections.abc import Iterator

import pytest

from api.settings import ApiSettings
from tests.api.serving import api_settings, running_api


@pytest.fixture(scope="module")
def settings(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> ApiSettings:
    return api_settings(valkey_url, tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def api_url(settings: ApiSettings) -> Iterator[str]:
    with running_api(settings) as url:
        yield url
