"""Readiness checks storage rarely, one check at a time, and does not hang with a mount that hangs."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from api.health.storage_probe import StorageProbe
from api.process.start_checks import require_storage
from api.settings import ApiSettings
from model.errors import StorageError
from model.storage.local import LocalStorage
from tests.api.serving import running_api


class CountedStorage(LocalStorage):
    """A real folder that counts its checks and can make them hang as a dead mount would."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.checks = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def check(self) -> None:
        self.checks += 1
        self.may_answer.wait()
        super().check()


@pytest.fixture
def storage(tmp_path: Path) -> CountedStorage:
    return CountedStorage(tmp_path / "storage")


def test_the_start_does_not_hang_with_storage(storage: CountedStorage) -> None:
    require_storage(storage)
    storage.may_answer.clear()
    with pytest.raises(StorageError, match="does not answer"):
        require_storage(storage, timeout_s=0.1)
    storage.may_answer.set()


def test_many_callers_share_one_check(storage: CountedStorage) -> None:
    async def ask() -> None:
        probe = StorageProbe(storage, cached_s=60)
        assert set(await asyncio.gather(*(probe.failure() for _ in range(20)))) == {""}
        assert await probe.failure() == ""
        assert storage.checks == 1

    asyncio.run(ask())


def test_a_cached_result_expires(storage: CountedStorage, tmp_path: Path) -> None:
    async def ask() -> None:
        probe = StorageProbe(storage, cached_s=0)
        assert await probe.failure() == ""
        shutil.rmtree(tmp_path / "storage")
        (tmp_path / "storage").write_text("no folder")
        assert "Storage cannot" in await probe.failure()

    asyncio.run(ask())


def test_storage_that_hangs_is_reported_and_not_checked_again_until_it_answers(
    storage: CountedStorage,
) -> None:
    async def ask() -> None:
        probe = StorageProbe(storage, cached_s=0, timeout_s=0.05)
        storage.may_answer.clear()
        for _ in range(5):
            assert await probe.failure() == "Storage does not answer."
        assert storage.checks == 1
        storage.may_answer.set()
        while await probe.failure():  # until the hanging check has ended
            pass

    asyncio.run(ask())


def test_a_process_whose_storage_hangs_can_exit() -> None:
    program = (
        "import asyncio, threading; from api.health.storage_probe import StorageProbe\n"
        "class Hung:\n"
        "    def check(self): threading.Event().wait()\n"
        "print(asyncio.run(StorageProbe(Hung(), timeout_s=0.05).failure()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ,
    )
    assert done.stdout == "Storage does not answer.\n"


def test_readyz_reports_storage_that_fails(settings: ApiSettings, redis_url: str, tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    broken = settings.model_copy(update={"storage": no_folder.as_uri()})
    with running_api(broken) as url:
        assert "Storage cannot" in httpx.get(f"{url}/readyz", timeout=30).json()["storage"]
