"""Two services: one to back up, and an empty one to restore into."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from model.storage.opening import open_storage
from tests.conftest import running_valkey
from tests.worker.upkeep.backup.service import Service
from worker.redis_server.connection import connect


@pytest.fixture
def old(redis_client: redis.Redis, tmp_path: Path) -> Service:
    return Service(redis_client, open_storage((tmp_path / "old").as_uri()))


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Service]:
    with running_valkey() as url, connect(url) as client:
        yield Service(client, open_storage((tmp_path / "new").as_uri()))
