import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from ninefold.errors import StartError
from ninefold.local import redis_check
from ninefold.local.capped_log import CappedLog
from ninefold.local.data_folder import DataFolder
from ninefold.local.service_process import ServiceProcess
from ninefold.local.valkey import EmbeddedValkey
from tests.ninefold.processes import eventually


@contextmanager
def running(folder: DataFolder) -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(folder)
    log = CappedLog(folder.logs / "valkey.log")
    process = ServiceProcess("valkey", valkey.command, os.environ, log, lambda *_: None)
    process.start()
    try:
        eventually(valkey.is_ready, 60, "Valkey answers")
        yield valkey
    finally:
        process.kill()
        log.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    with DataFolder(tmp_path / "with space") as folder:
        yield folder


def test_an_acknowledged_write_survives_a_kill_and_the_address_stays(folder: DataFolder) -> None:
    with running(folder) as valkey, redis.Redis.from_url(valkey.url) as client:
        assert valkey.is_new
        settings = client.config_get("append*", "maxmemory-policy", "bind")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "always"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["bind"] == "127.0.0.1"
        client.set("job", "kept")
        first_url = valkey.url
    with running(folder) as valkey, redis.Redis.from_url(valkey.url) as client:
        assert not valkey.is_new
        assert valkey.url == first_url
        assert client.get("job") == b"kept"


def test_the_server_requires_its_password_and_keeps_it_private(folder: DataFolder) -> None:
    with running(folder) as valkey:
        with pytest.raises(StartError, match="NOAUTH"):
            redis_check.require_answer(f"redis://127.0.0.1:{valkey.port}/0")
        with pytest.raises(StartError, match="WRONGPASS"):
            redis_check.require_answer(f"redis://:wrong@127.0.0.1:{valkey.port}/0")
        assert (folder.valkey / "valkey.conf").stat().st_mode & 0o777 == 0o600
        assert folder.secret("password") not in " ".join(valkey.command)


def test_the_server_moves_when_another_program_has_its_port(folder: DataFolder) -> None:
    port = EmbeddedValkey(folder).port
    with socket.create_server(("127.0.0.1", port)):
        valkey = EmbeddedValkey(folder)
    assert valkey.moved_from == port
    assert valkey.port != port


def test_a_leftover_server_is_shut_down(folder: DataFolder) -> None:
    with running(folder) as first:
        second = EmbeddedValkey(folder)
        assert second.port == first.port
        assert not first.is_ready()


def test_an_unreachable_redis_is_refused() -> None:
    with pytest.raises(StartError, match="cannot be reached"):
        redis_check.require_answer("redis://127.0.0.1:1/0")
