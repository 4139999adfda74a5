"""Which servers may hold our records."""

import pytest

from tests.conftest import running_valkey
from worker.errors import RedisUnusableError
from worker.redis_server.connection import broker_url, connect
from worker.redis_server.fitness import check_server


def with_password(url: str, password: str) -> str:
    return url.replace("unix://", f"unix://:{password}@")


def test_a_server_without_persistence_is_warned_of(redis_url: str) -> None:
    with connect(redis_url) as client:
        report = check_server(client)
    assert int(report.version.split(".")[0]) >= 7
    assert "a restart loses every job" in report.warnings[0]


def test_a_server_that_syncs_every_write_passes_without_a_word() -> None:
    with running_valkey("--appendonly", "yes", "--appendfsync", "always") as url, connect(url) as client:
        assert check_server(client).warnings == ()


def test_a_server_that_syncs_each_second_is_warned_of() -> None:
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


def test_a_server_that_is_not_there_is_refused() -> None:
    with connect("redis://127.0.0.1:1/0") as client, pytest.raises(RedisUnusableError, match="reached"):
        check_server(client)


@pytest.mark.parametrize(
    ("redis_url", "expected"),
    [
        ("redis://:pw@host:1/2", "redis://:pw@host:1/2"),
        ("unix:///run/valkey.sock?db=3", "redis+socket:///run/valkey.sock?virtual_host=3"),
        ("unix://:pw@/run/valkey.sock", "redis+socket://:pw@/run/valkey.sock?virtual_host=0"),
    ],
)
def test_celery_is_given_the_same_server(redis_url: str, expected: str) -> None:
    assert broker_url(redis_url) == expected
