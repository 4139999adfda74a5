"""The job store, on the Valkey server of the test run."""

import pytest
import redis

from worker.queue.store import JobStore


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)
