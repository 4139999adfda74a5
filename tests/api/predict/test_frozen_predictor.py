"""The predictor is stopped (SIGSTOP) under load: requests end with a defined answer, and it recovers or is replaced."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.api.pictures import png
from tests.api.problems import problem_in
from tests.api.serving import Service, running_service
from tests.worker.processes import wait_until

pytestmark = pytest.mark.chaos

CLIENTS = 8
BOUND_S = 60
"""Promised are about 12 s on an idle machine: 10 s without an answer to a ping, and the end of the process."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        service.publish("shapes")
        assert service.client.post("/predict", content=png()).status_code == 200
        yield service


@contextmanager
def _load(service: Service) -> Iterator[list[tuple[int, str, float]]]:
    """Clients that ask again and again; provides status, code and seconds of each answer. Any other end is an error."""
    answers: list[tuple[int, str, float]] = []
    has_ended = threading.Event()

    def ask() -> None:
        while not has_ended.is_set():
            began = time.monotonic()
            response = service.client.post("/predict", content=png())
            answers.append((response.status_code, response.json().get("code", ""), time.monotonic() - began))
            if response.status_code != 200:
                assert int(response.headers["retry-after"]) > 0
                time.sleep(0.2)

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking: list[Future[None]] = [pool.submit(ask) for _ in range(CLIENTS)]
        try:
            yield answers
        finally:
            has_ended.set()
        for one in asking:
            one.result(BOUND_S)


def _stopped(service: Service) -> int:
    pid = service.predictor.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_a_predictor_that_goes_on_after_a_moment_answers_all_requests(service: Service) -> None:
    with _load(service) as answers:
        wait_until(lambda: len(answers) > CLIENTS)
        pid = _stopped(service)
        assert service.client.get("/readyz").json()["predictor"] != "ok"
        late = service.client.post("/predict", content=png(), params={"timeout_ms": 300})
        problem_in(late, 503, "deadline_exceeded")
        before = len(answers)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: len(answers) > before + 5 * CLIENTS)
    assert {status for status, _, _ in answers} == {200}
    assert service.predictor.pid == pid


def test_a_predictor_that_stays_stopped_is_replaced_and_its_requests_get_503(service: Service) -> None:
    with _load(service) as answers:
        wait_until(lambda: len(answers) > CLIENTS)
        pid = _stopped(service)
        assert service.client.get("/readyz").status_code == 503
        wait_until(lambda: service.predictor.pid not in (pid, None), BOUND_S)
        wait_until(lambda: service.client.get("/readyz").status_code == 200, BOUND_S)
        before = len(answers)
        wait_until(lambda: len(answers) > before + 5 * CLIENTS)
    assert {(status, code) for status, code, _ in answers} == {(200, ""), (503, "predictor_unavailable")}
    assert max(seconds for _, _, seconds in answers) < BOUND_S
    assert answers[-1][0] == 200
