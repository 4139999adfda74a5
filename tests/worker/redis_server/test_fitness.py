"""The start-up check accepts, warns about or refuses a Redis server."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.conftest import running_valkey
from worker.errors import RedisUnusableError
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server


def with_password(url: str, password: str) -> str:
    return url.replace("unix://", f"unix://:{password}@")


def test_a_server_without_persistence_gets_a_warning(redis_url: str) -> None:
    with connect(redis_url) as client:
        report = check_server(client)
    assert int(report.version.split(".")[0]) >= 7
    assert "a restart loses every job" in report.warnings[0]


def test_a_server_that_syncs_every_write_passes_without_a_warning() -> None:
    with running_valkey("--appendonly", "yes", "--appendfsync", "always") as url, connect(url) as client:
        assert check_server(client).warnings == ()


def test_a_server_that_syncs_each_second_gets_a_warning() -> None:
    with running_valkey("--appendonly", "yes") as url, connect(url) as client:
        assert "appendfsync is everysec" in check_server(client).warnings[0]


def test_a_server_that_evicts_is_refused() -> None:
    with (
        running_valkey("--maxmemory-policy", "allkeys-lru") as url,
        connect(url) as client,
        pytest.raises(RedisUnusableError, match=r"allkeys-lru.*noeviction"),
    ):
        check_server(client)


def test_a_cluster_is_refused() -> None:
    with (
        running_valkey("--cluster-enabled", "yes") as url,
        connect(url) as client,
        pytest.raises(RedisUnusableError, match="cluster mode"),
    ):
        check_server(client)


def test_a_wrong_password_is_refused() -> None:
    with (
        running_valkey("--requirepass", "right") as url,
        connect(with_password(url, "wrong")) as client,
        pytest.raises(RedisUnusableError, match="password"),
    ):
        check_server(client)


def test_the_right_password_is_accepted() -> None:
    with running_valkey("--requirepass", "right") as url, connect(with_password(url, "right")) as client:
        check_server(client)


def test_an_unreachable_server_is_refused() -> None:
    with connect("redis://127.0.0.1:1/0") as client, pytest.raises(RedisUnusableError, match="reached"):
        check_server(client)


@contextmanager
def server_without_config(*options: str) -> Iterator[redis.Redis]:
    """Run a server whose user may do everything but CONFIG."""
    with running_valkey(*options) as url:
        with connect(url) as admin:
            admin.execute_command("ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@all", "-config")
        with connect(url.replace("unix://", "unix://few:pw@")) as client:
            yield client


def test_a_server_that_refuses_config_is_accepted_with_a_warning() -> None:
    with server_without_config("--appendonly", "yes", "--appendfsync", "always") as client:
        [warning] = check_server(client).warnings
    assert "CONFIG GET is refused" in warning


def test_info_tells_that_a_server_does_not_persist() -> None:
    with server_without_config() as client:
        assert "a restart loses every job" in check_server(client).warnings[0]


def test_info_tells_that_a_server_evicts() -> None:
    with (
        server_without_config("--maxmemory-policy", "allkeys-lru") as client,
        pytest.raises(RedisUnusableError, match=r"allkeys-lru.*noeviction"),
    ):
        check_server(client)
