"""How `ninefold up` ends: after SIGTERM, after SIGKILL, and with one line of error when it cannot start."""

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
"""The documented time limits are for an idle machine; tests allow this many times as long."""


@pytest.fixture
def busy(tmp_path: Path, tiny_folder: Path) -> Iterator[Service]:
    """A service that is training a job."""
    service = Service(tmp_path / "data")
    try:
        service.client.add_dataset(tiny_folder, "tiny")
        service.wait_for_epoch(service.submit(EPOCHS), 1)
        yield service
    finally:
        service.close()


def finish_in_new_service(before: Service, data_dir: Path) -> dict[str, object]:
    """Start `up` again with the same folder and port, and check that the job succeeds; returns its record.

    The idle service then stops within ten seconds and leaves no process.
    """
    after = Service(data_dir, int(before.url.rsplit(":", 1)[1]))
    try:
        assert after.url == before.url
        [job] = after.client.jobs()
        finished = after.assert_succeeds(job["id"], EPOCHS)
        assert after.terminate(within_s=10 * ALLOWANCE) == 0
        assert after.processes() == {}
        return finished
    finally:
        after.close()


def test_sigterm_drains_the_job_and_leaves_no_process_busy_or_idle(busy: Service, tmp_path: Path) -> None:
    assert busy.terminate(within_s=30 * ALLOWANCE) == 0
    assert busy.processes() == {}
    job = finish_in_new_service(busy, tmp_path / "data")
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["drained", "succeeded"]  # type: ignore[attr-defined]


def test_killing_up_ends_all_processes_and_loses_no_job(busy: Service, tmp_path: Path) -> None:
    busy.kill()
    eventually(lambda: not busy.processes(), 5 * ALLOWANCE, "all processes have ended")
    finish_in_new_service(busy, tmp_path / "data")


def refuse(*arguments: str, **environment: str) -> str:
    """Run `up`, check that it refuses to start, and return its one line of error."""
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


def test_the_error_for_a_locked_folder_names_the_process_that_holds_it(tmp_path: Path) -> None:
    with DataFolder(tmp_path):
        line = refuse("--data-dir", str(tmp_path), "--port", "0")
    assert f"in use by another `ninefold up` (process {os.getpid()})" in line


def test_the_error_for_a_taken_port_names_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} on 127.0.0.1 cannot be used" in refuse(
            "--data-dir", str(tmp_path), "--port", port
        )


def test_the_error_for_an_unreachable_redis_names_its_address(tmp_path: Path) -> None:
    line = refuse("--data-dir", str(tmp_path), "--port", "0", REDIS_URL="redis://127.0.0.1:1/0")
    assert "Redis at 127.0.0.1:1 cannot be reached" in line


def test_a_data_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refuse("--data-dir", str(tmp_path / "file" / "data"), "--port", "0")
