"""The clients of the store raise one error for everything that passes by itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from tests.conftest import running_valkey
from tests.worker.samples import make_job
from worker.errors import StoreRefusedError, StoreUnavailableError
from worker.queue.live_workers import LiveWorkers
from worker.queue.store import JobStore
from worker.redis_server.clients import StoreClient
from worker.redis_server.connection import connect
from worker.redis_server.scripts import Commands


def test_writes_that_redis_refuses_for_now_are_store_unavailable_in_scripts_and_in_transactions() -> None:
    with running_valkey() as url, connect(url) as client:
        client.config_set("min-replicas-to-write", 1)
        with pytest.raises(StoreRefusedError):
            JobStore(client).submit(make_job())
        with pytest.raises(StoreUnavailableError):
            LiveWorkers(client).remove("host:1")


def submit_until_refused(store: JobStore) -> None:
    while True:
        store.submit(make_job())


def test_a_call_that_ends_in_busy_may_have_been_applied() -> None:
    """redis-py repeats a call whose reply was late, and the first one may be the script that runs."""
    with (
        running_valkey() as url,
        connect(url) as client,
        connect(url) as other,
        ThreadPoolExecutor() as thread,
    ):
        client.config_set("busy-reply-threshold", 10)
        endless = thread.submit(other.eval, "while true do end", 0)
        try:
            with pytest.raises(StoreUnavailableError, match="BUSY") as refused:
                submit_until_refused(JobStore(client))
            assert not isinstance(refused.value, StoreRefusedError)
        finally:
            client.script_kill()
        assert isinstance(endless.exception(), redis.ResponseError)


def test_a_replica_without_its_primary_is_store_unavailable() -> None:
    with running_valkey("--replica-serve-stale-data", "no") as url, connect(url) as client:
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailableError) as refused:
            JobStore(client).watch()
        assert not isinstance(refused.value, StoreRefusedError)
        with pytest.raises(StoreUnavailableError):
            LiveWorkers(client).list_workers()


def test_a_wrong_command_is_not_store_unavailable(redis_client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError):
        StoreClient(redis_client).run(Commands((("NO_SUCH_COMMAND",),), lambda results: results))
