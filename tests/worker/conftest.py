"""A store over the test run's Valkey."""

import pytest
import redis

from worker.queue.store import JobStore


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)
