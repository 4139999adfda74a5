"""The predictor process: who may open its socket, restarts, and its end together with its parent."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.predictor.client import PredictorClient
from api.predictor.errors import (
    PredictorUnavailableError,
)
from api.predictor.protocol.socket_path import check_socket_path
from api.predictor.supervision import PredictorProcess, SupervisionTimes, ping
from model.artifact.manifest import Manifest
from tests.api.pictures import png
from tests.api.predictor.asking import predict, with_client
from tests.api.serving import running_predictor
from tests.worker.processes import wait_until


def test_only_this_user_may_open_the_socket(socket_path: Path) -> None:
    assert stat.S_IMODE(socket_path.stat().st_mode) == 0o600


def test_a_long_socket_path_is_refused_with_the_setting_to_change() -> None:
    with pytest.raises(ValueError, match="NINEFOLD_RUNTIME_DIR"):
        check_socket_path(Path("/tmp") / ("x" * 100))  # noqa: S108  # nothing is created there


def test_without_a_predictor_requests_fail_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(PredictorUnavailableError) as refused:
        predict(tmp_path / "none.sock", "mdl_a", [png()])
    assert refused.value.retry_after_s
    assert time.monotonic() - started < 10


def test_requests_in_flight_fail_at_once_when_the_predictor_is_killed_and_the_client_works_again(
    predictor: PredictorProcess, socket_path: Path, model: Manifest
) -> None:
    async def kill_then_predict(client: PredictorClient) -> tuple[float, float]:
        assert (await client.predict(model.id, [png()], top_k=1)).items[0].scores
        slow = [png(size=(1500, 1500))] * 8
        in_flight = [asyncio.create_task(client.predict(model.id, slow, top_k=1)) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert predictor.pid is not None
        os.kill(predictor.pid, signal.SIGKILL)
        killed = time.monotonic()
        outcomes = await asyncio.gather(*in_flight, return_exceptions=True)
        failed_s = time.monotonic() - killed
        assert all(isinstance(outcome, PredictorUnavailableError) for outcome in outcomes)
        return failed_s, await _seconds_until_it_works(client, model.id) + failed_s

    failed_s, works_s = with_client(socket_path, kill_then_predict)
    assert failed_s < 10
    assert works_s < 5 * 15  # promised: 15 s on an idle machine


async def _seconds_until_it_works(client: PredictorClient, model_id: str) -> float:
    started = time.monotonic()
    while time.monotonic() - started < 90:
        try:
            await client.predict(model_id, [png()], top_k=1)
            break
        except PredictorUnavailableError:
            await asyncio.sleep(0.1)
    return time.monotonic() - started


def test_a_hanging_predictor_is_replaced(predictor: PredictorProcess) -> None:
    hung = predictor.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    wait_until(lambda: predictor.pid not in (hung, None) and predictor.wait_ready(0))
    assert not Path(f"/proc/{hung}").exists()


def test_no_secret_reaches_the_predictor(predictor: PredictorProcess) -> None:
    environment = Path(f"/proc/{predictor.pid}/environ").read_text()
    assert "PATH=" in environment
    assert "secret" not in environment


PARENT = """
import os, sys, time
from pathlib import Path
from api.predictor.protocol.socket_path import check_socket_path
from api.predictor.supervision import PredictorOptions, PredictorProcess
predictor = PredictorProcess(PredictorOptions(Path(sys.argv[1]), sys.argv[2], device="cpu"))
predictor.start()
assert predictor.wait_ready(60)
print(predictor.pid, flush=True)
time.sleep(60)
"""


def test_the_predictor_ends_with_its_parent(tmp_path: Path) -> None:
    socket_path = tmp_path / "p.sock"
    command = [sys.executable, "-c", PARENT, str(socket_path), tmp_path.as_uri()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert not ping(socket_path, timeout_s=1)


def test_stop_ends_the_predictor(storage_url: str) -> None:
    with running_predictor(storage_url, times=SupervisionTimes(stop_timeout_s=60)) as (predictor, _):
        pid = predictor.pid
        started = time.monotonic()
        predictor.stop()
        assert time.monotonic() - started < 30, "it was killed, because it did not end by itself"
    assert not Path(f"/proc/{pid}").exists()
