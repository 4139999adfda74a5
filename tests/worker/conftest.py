"""A store over the test run's Valkey, and the jobs that go into it."""

from collections.abc import Callable

import pytest
import redis

from model.spec import ResolvedSpec
from worker.job_store import JobStore
from worker.jobs import NewJob

_SPEC = {
    "dataset": "digits",
    "name": "digits",
    "recipe": "fast",
    "epochs": 3,
    "batch_size": 64,
    "learning_rate": 0.1,
    "weight_decay": 0.0005,
    "label_smoothing": 0.1,
    "image_size": 16,
    "resize": "squash",
    "augmentation": "none",
    "horizontal_flip": False,
    "class_weighting": "none",
    "seed": 0,
    "validation_fraction": 0.1,
    "promote": "first",
    "tags": [],
}


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


@pytest.fixture
def new_job() -> Callable[..., NewJob]:
    def make(created_by: str | None = "alice", **changes: object) -> NewJob:
        return NewJob(ResolvedSpec.model_validate(_SPEC | changes), created_by=created_by)

    return make
