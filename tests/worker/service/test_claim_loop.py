"""A worker's shift, when the worker itself is what is broken."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from tests.worker.samples import make_job
from tests.worker.worker_context import open_worker_context
from worker.kinds.training.trainer_process import Spawner
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.service.claim_loop import ClaimLoop
from worker.service.heartbeat import HeartbeatSender


def test_a_worker_that_cannot_start_trainers_gives_jobs_back_and_then_claims_no_more(
    store: JobStore, tmp_path: Path
) -> None:
    job_id = store.submit(make_job()).job_id
    record = WorkerRecord(
        id="host-1",
        host="host",
        devices=["cpu"],
        state=WorkerState.IDLE,
        version="0",
        started_at=datetime.now(UTC),
    )
    stopped_listening: list[bool] = []
    spawner = Spawner({}, ("/nothing/here",))
    with open_worker_context(store, tmp_path) as bench:
        broken = dataclasses.replace(bench, spare=WarmStandby(spawner))
        announcer = HeartbeatSender(LiveWorkers(store.redis), record)
        shift = ClaimLoop(broken, announcer, on_out_of_order=lambda: stopped_listening.append(True))
        shift.drain_queue()
    spawner.close()
    job = store.get(job_id)
    assert job.status is Status.FAILED  # three deaths in a row, all of them here
    assert {attempt.outcome for attempt in job.attempts} == {Outcome.CRASHED}
    assert shift.is_out_of_order
    assert stopped_listening == [True]
