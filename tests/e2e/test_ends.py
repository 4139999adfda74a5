"""How a service ends: in order, by force, or not at all because it never began."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ninefold.local.data_folder import DataFolder
from tests.e2e.service import NINEFOLD, Service
from tests.ninefold.processes import eventually

pytestmark = pytest.mark.timeout(240)
EPOCHS = 6
ALLOWANCE = 5
"""Promised times are for an idle machine; a test gets so many times as long."""


@pytest.fixture
def busy(tmp_path: Path, tiny_folder: Path) -> Iterator[Service]:
    """A service in the midst of a job."""
    service = Service(tmp_path / "data")
    try:
        service.client.add_dataset(tiny_folder, "tiny")
        service.wait_for_epoch(service.submit(EPOCHS), 1)
        yield service
    finally:
        service.close()


def finish_elsewhere(before: Service, data_dir: Path) -> dict[str, object]:
    """Start again on the same folder and port: the job is still there, and ends well."""
    after = Service(data_dir, int(before.url.rsplit(":", 1)[1]))
    try:
        assert after.url == before.url
        [job] = after.client.jobs()
        return after.assert_succeeds(job["id"], EPOCHS)
    finally:
        after.close()


def test_sigterm_drains_and_leaves_nothing(busy: Service, tmp_path: Path) -> None:
    assert busy.terminate(within_s=30 * ALLOWANCE) == 0
    assert busy.processes() == {}
    job = finish_elsewhere(busy, tmp_path / "data")
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["drained", "succeeded"]  # type: ignore[attr-defined]


def test_kill_of_up_ends_everything_and_loses_nothing(busy: Service, tmp_path: Path) -> None:
    busy.kill()
    eventually(lambda: not busy.processes(), 5 * ALLOWANCE, "everything has ended")
    finish_elsewhere(busy, tmp_path / "data")


def test_an_idle_service_stops_within_ten_seconds(tmp_path: Path) -> None:
    idle = Service(tmp_path / "idle")
    try:
        assert idle.terminate(within_s=10 * ALLOWANCE) == 0
        assert idle.processes() == {}
    finally:
        idle.close()


def refuse(*arguments: str, **environment: str) -> str:
    """What `up` says when it cannot start."""
    done = subprocess.run(
        [*NINEFOLD, "up", *arguments],
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [line] = done.stderr.strip().splitlines()
    return line


def test_a_locked_folder_names_its_owner(tmp_path: Path) -> None:
    with DataFolder(tmp_path):
        line = refuse("--data-dir", str(tmp_path), "--port", "0")
    assert f"in use by another `ninefold up` (process {os.getpid()})" in line


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} on 127.0.0.1 cannot be used" in refuse(
            "--data-dir", str(tmp_path), "--port", port
        )


def test_an_unreachable_redis_is_named(tmp_path: Path) -> None:
    line = refuse("--data-dir", str(tmp_path), "--port", "0", REDIS_URL="redis://127.0.0.1:1/0")
    assert "Redis at 127.0.0.1:1 cannot be reached" in line


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refuse("--data-dir", str(tmp_path / "file" / "data"), "--port", "0")
