"""The claim loop of a worker that is itself broken."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from tests.worker.samples import make_job
from tests.worker.worker_context import open_worker_context
from worker.kinds.training.spawner import Spawner
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.service.claim_loop import ClaimLoop
from worker.service.heartbeat import HeartbeatSender


def test_a_worker_that_cannot_start_trainers_requeues_jobs_and_then_stops_claiming(
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
    stopped_consuming: list[bool] = []
    spawner = Spawner({}, ("/nothing/here",))
    with open_worker_context(store, tmp_path) as context:
        broken = dataclasses.replace(context, standby=WarmStandby(spawner))
        heartbeat = HeartbeatSender(LiveWorkers(store.redis), record)
        claim_loop = ClaimLoop(broken, heartbeat, on_out_of_order=lambda: stopped_consuming.append(True))
        claim_loop.drain_queue()
    spawner.close()
    job = store.get(job_id)
    assert job.status is Status.FAILED  # three deaths in a row, all on this worker
    assert {attempt.outcome for attempt in job.attempts} == {Outcome.CRASHED}
    assert claim_loop.is_out_of_order
    assert stopped_consuming == [True]
