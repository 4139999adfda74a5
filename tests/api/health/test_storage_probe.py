"""Readiness asks storage seldom, once at a time, and is not held up by a mount that hangs."""

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
from api.settings import ApiSettings
from model.storage.local import LocalStorage
from tests.api.serving import running_api


class CountedStorage(LocalStorage):
    """A real folder, whose looks are counted and may be made to hang as a dead mount would."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.looks = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def check(self) -> None:
        self.looks += 1
        self.may_answer.wait()
        super().check()


@pytest.fixture
def storage(tmp_path: Path) -> CountedStorage:
    return CountedStorage(tmp_path / "storage")


def test_many_questions_are_one_look(storage: CountedStorage) -> None:
    async def ask() -> None:
        probe = StorageProbe(storage, cached_s=60)
        assert set(await asyncio.gather(*(probe.failure() for _ in range(20)))) == {""}
        assert await probe.failure() == ""
        assert storage.looks == 1

    asyncio.run(ask())


def test_what_is_known_is_looked_at_again(storage: CountedStorage, tmp_path: Path) -> None:
    async def ask() -> None:
        probe = StorageProbe(storage, cached_s=0)
        assert await probe.failure() == ""
        shutil.rmtree(tmp_path / "storage")
        (tmp_path / "storage").write_text("no folder")
        assert "Storage cannot" in await probe.failure()

    asyncio.run(ask())


def test_storage_that_hangs_is_named_and_asked_no_more_until_it_answers(storage: CountedStorage) -> None:
    async def ask() -> None:
        probe = StorageProbe(storage, cached_s=0, timeout_s=0.05)
        storage.may_answer.clear()
        for _ in range(5):
            assert await probe.failure() == "Storage does not answer."
        assert storage.looks == 1
        storage.may_answer.set()
        while await probe.failure():  # waits for the look itself
            pass

    asyncio.run(ask())


def test_a_process_whose_storage_hangs_can_end() -> None:
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


def test_readyz_names_storage_that_fails(settings: ApiSettings, redis_url: str, tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    broken = settings.model_copy(update={"storage": no_folder.as_uri()})
    with running_api(broken) as url:
        assert "Storage cannot" in httpx.get(f"{url}/readyz", timeout=30).json()["storage"]
