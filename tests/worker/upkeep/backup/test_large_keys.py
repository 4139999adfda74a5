"""Backup and garbage collection read large keys in pages."""

from pathlib import Path
from typing import Any

from model.storage.opening import open_storage
from tests.conftest import running_valkey
from tests.worker.samples import make_job
from tests.worker.upkeep.backup.service import Service
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect
from worker.upkeep.gc import find_unreferenced
from worker.upkeep.indexes import is_index
from worker.upkeep.record_reader import PAGE


def test_no_command_of_backup_and_gc_reads_a_large_key_at_once(tmp_path: Path, new: Service) -> None:
    """The server answers nothing else during a command, so none may grow with the number of jobs."""
    options = ("--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000000")
    with running_valkey(*options) as url, connect(url, timeout_s=60) as client:
        service = Service(client, open_storage((tmp_path / "old").as_uri()))
        jobs = PAGE + PAGE // 2
        for _ in range(jobs):
            service.store.cancel(service.store.submit(make_job()).job_id)
        large = {key for key in map(str, client.scan_iter()) if _size(client, key) > PAGE}
        assert {redis_keys.JOBS, redis_keys.FEED} <= large
        client.slowlog_reset()
        backup = service.back_up()
        find_unreferenced(client, service.storage)
        commands = [entry["command"].decode().split(" ") for entry in client.slowlog_get(-1)]
        new.restore(backup)
        assert new.client.zcard(redis_keys.JOBS) == jobs
    assert len(commands) > jobs
    for name, key, *arguments in (command for command in commands if len(command) > 1):
        assert name.upper() not in ("KEYS", "EVAL", "EVALSHA", "FCALL")
        if key in large:
            assert not is_index(key)
            assert name.upper() in ("TYPE", "PEXPIRETIME", "XRANGE") or name.upper().endswith("SCAN")
        if "COUNT" in arguments:
            assert int(arguments[arguments.index("COUNT") + 1]) <= PAGE


def _size(client: Any, key: str) -> int:
    sizes = {"zset": client.zcard, "set": client.scard, "hash": client.hlen, "stream": client.xlen}
    size = sizes.get(client.type(key))
    return int(size(key)) if size else 1
