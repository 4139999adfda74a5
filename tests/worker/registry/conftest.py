"""A registry of models on the Valkey server of the test run."""

import pytest
import redis

from worker.registry.model_registry import ModelRegistry


@pytest.fixture
def registry(redis_client: redis.Redis) -> ModelRegistry:
    return ModelRegistry(redis_client)
