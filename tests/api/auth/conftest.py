"""Fixtures: an API with two keys and an allowed origin."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from api.settings import ApiSettings
from tests.api.serving import running_api


@pytest.fixture(scope="module")
def locked_url(settings: ApiSettings) -> Iterator[str]:
    locked = settings.model_copy(
        update={
            "api_keys": SecretStr("alice:key-of-alice,app:key-of-app"),
            "cors_origins": "https://lab.example",
        }
    )
    with running_api(locked) as url:
        yield url


@pytest.fixture
def locked(locked_url: str, redis_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=locked_url, timeout=30) as client:
        yield client
