"""Fixtures: the API over real HTTP with an empty Redis."""

from collections.abc import Iterator

import httpx
import pytest
import redis
from pydantic import SecretStr

from api.settings import ApiSettings
from tests.api.serving import api_settings, running_api
from worker.queue.store import JobStore


@pytest.fixture(scope="module")
def settings(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> ApiSettings:
    return api_settings(valkey_url, tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def url(settings: ApiSettings) -> Iterator[str]:
    with running_api(settings) as url:
        yield url


@pytest.fixture
def client(url: str, redis_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


@pytest.fixture(scope="module")
def locked_url(settings: ApiSettings) -> Iterator[str]:
    """An API with two keys and an allowed origin."""
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
