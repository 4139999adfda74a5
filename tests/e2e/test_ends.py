"""How `ninefold up` ends: after SIGTERM, after SIGKILL, and with one line of error when it cannot start."""

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from ninefold.local.data_folder import DataFolder
from tests.e2e.service import ENDLESS, NINEFOLD, Service, running_service
from tests.ninefold.processes import eventually

pytestmark = pytest.mark.timeout(240)
ALLOWANCE = 5
"""The documented time limits are for an idle machine; tests allow this many times as long."""


def start_job(service: Service) -> str:
    """Submit a job and wait until it trains; returns its id."""
    job_id = service.submit(ENDLESS)
    service.wait_for_epoch(job_id, 1)
    return job_id


def test_a_new_up_finishes_the_jobs_of_one_that_was_killed_and_of_one_that_was_stopped(
    tmp_path: Path, tiny_folder: Path
) -> None:
    """No process is left behind: after SIGKILL, after SIGTERM while a job trains, and after SIGTERM when idle."""
    with running_service(tmp_path / "data", tiny_folder) as killed:
        first = start_job(killed)
        killed.kill()
        eventually(lambda: not killed.processes(), 5 * ALLOWANCE, "all processes have ended")

    with closing(Service(tmp_path / "data", int(killed.url.rsplit(":", 1)[1]))) as stopped:
        assert stopped.url == killed.url
        stopped.finish(first)
        second = start_job(stopped)
        assert stopped.terminate(within_s=30 * ALLOWANCE) == 0
        assert stopped.processes() == {}

    with closing(Service(tmp_path / "data")) as last:
        job = last.finish(second)
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["drained", "stopped"]
        assert [listed["id"] for listed in last.client.jobs()] == [second, first]
        assert last.terminate(within_s=10 * ALLOWANCE) == 0
        assert last.processes() == {}


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
