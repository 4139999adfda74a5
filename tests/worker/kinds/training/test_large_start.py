"""A start message that is larger than a pipe reaches the trainer whole, also when the trainer does not read for a while."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

from tests.worker.processes import wait_until
from tests.worker.samples import make_job
from tests.worker.worker_context import claim_next, open_worker_context
from worker.kinds.training.context import TrainingContext
from worker.kinds.training.supervisor import TrainingSupervisor
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.states import Outcome
from worker.queue.store import JobStore

PAUSES = ((1_800_000_000.123, 1_800_000_001.456),) * 10_000
"""Makes a start message of about 320 KB; a pipe holds 64 KiB."""


def _make_attempt(context: TrainingContext) -> TrainingSupervisor:
    """Claim the next job as if it had been paused many times: the start message lists every pause."""
    claimed, attempt_id, claim_sent_at = claim_next(context.store)
    assert isinstance(claimed, ClaimedJob)
    return TrainingSupervisor(
        context, replace(claimed, pauses=PAUSES), attempt_id, claim_sent_at=claim_sent_at
    )


def test_a_job_that_was_paused_many_times_succeeds(store: JobStore, tmp_path: Path) -> None:
    store.submit(make_job(epochs=1))
    with open_worker_context(store, tmp_path) as context:
        assert _make_attempt(context).run().outcome is Outcome.SUCCEEDED


def test_a_trainer_that_reads_late_gets_the_whole_message(store: JobStore, tmp_path: Path) -> None:
    job_id = store.submit(make_job(epochs=1)).job_id
    outcomes: list[Outcome] = []
    with open_worker_context(store, tmp_path) as context:
        context.standby.prepare()
        trainer = context.standby.take()
        os.kill(trainer.pid, signal.SIGSTOP)
        vars(context.standby)["_trainer"] = (
            trainer  # put back: the attempt takes a trainer that does not read
        )
        attempt = _make_attempt(context)
        thread = threading.Thread(target=lambda: outcomes.append(attempt.run().outcome))
        thread.start()
        wait_until(lambda: _renewals(store, job_id) > 5)  # the supervisor does not wait for its trainer
        os.kill(trainer.pid, signal.SIGCONT)
        thread.join()
    assert outcomes == [Outcome.SUCCEEDED]


def _renewals(store: JobStore, job_id: str) -> int:
    return next(lease.renewals for lease in store.watch().leases if lease.item_id == job_id)
