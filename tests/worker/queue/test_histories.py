"""Random sequences of operations: the Lua scripts always agree with the reference model in Python."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from model.artifact.manifest import FinishReason
from tests.worker.job_model import JobModel, QueueModel, Refused
from tests.worker.samples import draft, make_job, row
from worker.errors import WorkerError
from worker.queue.attempt_messages import Report
from worker.queue.ids import new_attempt_id, new_model_id
from worker.queue.records import Checkpoint, Job, JobError
from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys

WHY = JobError(code="training_diverged", message="lower it")
RELEASES = st.sampled_from(
    [Outcome.DRAINED, Outcome.PAUSED, Outcome.CRASHED, Outcome.STALLED, Outcome.OUT_OF_MEMORY]
)
Held = tuple[JobModel, str]
JOBS = 2
"""Few jobs, so that many operations meet the same job."""
WHICH = st.integers(0, 9)
"""0 may choose any attempt; other numbers choose an attempt that still holds its job, if one exists."""

has_attempts = precondition(lambda self: self.attempts)


class Histories(RuleBasedStateMachine):
    """Applies each operation to the store and to the reference model, and compares the results."""

    def __init__(self, store: JobStore) -> None:
        super().__init__()
        self.store = store
        self.model = QueueModel()
        self.attempts: list[Held] = []

    def choose(self, which: int) -> Held:
        live = [held for held in self.attempts if held[0].attempt == held[1]]
        among = live if live and which else self.attempts
        return among[which % len(among)]

    @initialize()
    def begin(self) -> None:
        self.store.redis.flushall()
        self.model.jobs += [JobModel(self.store.submit(make_job()).job_id) for _ in range(JOBS)]

    def both(self, on_store: Callable[[], Any], on_model: Callable[[], Any]) -> None:
        """Run an operation on both; they must return the same answer or the same refusal."""
        try:
            expected = on_model()
        except Refused as refused:
            expected_refusal = refused.refusal
        else:
            answer = on_store()
            assert expected is None or answer == expected
            return
        with pytest.raises(WorkerError) as refusal:
            on_store()
        assert refusal.type is expected_refusal

    @rule(number=st.integers(0, JOBS - 1), verb=st.sampled_from(["cancel", "stop", "pause", "resume"]))
    def ask(self, number: int, verb: str) -> None:
        job = self.model.jobs[number]
        self.both(lambda: getattr(self.store, verb)(job.id), getattr(job, verb))

    @rule()
    def claim(self) -> None:
        attempt = new_attempt_id()
        claimed, job = self.store.claim("host:1", attempt), self.model.claim(attempt)
        assert (claimed and claimed.job_id) == (job and job.id)
        if job is None or claimed is None:
            return
        assert claimed.should_stop == job.should_stop
        assert bool(claimed.committed) == job.is_committed
        assert (claimed.checkpoint.epoch if claimed.checkpoint else 0) == job.checkpoint
        self.attempts.append((job, attempt))

    @has_attempts
    @rule(which=WHICH)
    def renew(self, which: int) -> None:
        job, attempt = self.choose(which)
        self.both(lambda: self.store.renew(job.id, attempt), lambda: job.renew(attempt))

    @has_attempts
    @rule(which=WHICH, has_checkpoint=st.booleans(), is_repeated=st.booleans())
    def report(self, which: int, has_checkpoint: bool, is_repeated: bool) -> None:
        job, attempt = self.choose(which)
        epoch = job.rows + 1
        checkpoint = Checkpoint(key=f"{attempt}-{epoch}", epoch=epoch, step=0) if has_checkpoint else None
        report = Report(rows=(row(epoch),), checkpoint=checkpoint)
        seq = job.seq + 1
        for _ in range(1 + is_repeated):
            self.both(
                lambda: self.store.report(job.id, attempt, seq, report),
                lambda: job.report(attempt, seq, has_checkpoint=has_checkpoint),
            )

    @has_attempts
    @rule(which=WHICH, reason=st.sampled_from(FinishReason))
    def commit(self, which: int, reason: FinishReason) -> None:
        job, attempt = self.choose(which)
        manifest = draft(new_model_id()) | {"finish_reason": reason}
        self.both(lambda: self.store.commit_publish(job.id, attempt, manifest), lambda: job.commit(attempt))

    @has_attempts
    @rule(which=WHICH, outcome=st.sampled_from([Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED]))
    def finish(self, which: int, outcome: Outcome) -> None:
        job, attempt = self.choose(which)
        why = WHY if outcome is Outcome.FAILED else None
        ends_as = outcome
        if outcome is Outcome.SUCCEEDED and self.store.get(job.id).finish_reason == "stopped":
            ends_as = Outcome.STOPPED
        self.both(
            lambda: self.store.finish(job.id, attempt, outcome, why),
            lambda: job.finish(attempt, outcome, ends_as=ends_as),
        )

    @has_attempts
    @rule(which=WHICH, outcome=RELEASES)
    def release(self, which: int, outcome: Outcome) -> None:
        job, attempt = self.choose(which)
        self.both(lambda: self.store.requeue(job.id, attempt, outcome), lambda: job.release(attempt, outcome))

    @has_attempts
    @rule(which=WHICH, behind=st.integers(0, 1))
    def reap(self, which: int, behind: int) -> None:
        job, attempt = self.choose(which)
        seen = job.renewals - behind
        self.both(
            lambda: self.store.reap(job.id, attempt, seen),
            lambda: job.release(attempt, Outcome.WORKER_LOST, seen),
        )

    @invariant()
    def agrees(self) -> None:
        for job in self.model.jobs:
            assert_agrees(self.store.get(job.id), job)
        leases = {lease.job_id for lease in self.store.watch().leases}
        assert leases == {job.id for job in self.model.jobs if job.status in HELD}
        assert_indexes_agree(self.store, self.model)

    def teardown(self) -> None:
        """Compare, once at the end, what is too slow to compare after each step."""
        for job in self.model.jobs:
            assert [row.epoch for row in self.store.rows(job.id)] == list(range(1, job.rows + 1))
            kinds = [event.event for event in self.store.events(job.id).events]
            assert kinds.count("epoch") == job.reported
            assert kinds.count("end") == (job.status in TERMINAL)
            assert (kinds[-1] == "end") == (job.status in TERMINAL)


def assert_agrees(kept: Job, job: JobModel) -> None:
    assert [step.status for step in kept.transitions] == job.history
    assert kept.status is job.status
    ended = [attempt.outcome for attempt in kept.attempts if attempt.ended_at]
    assert ended == job.outcomes
    assert (job.attempt is not None) == (job.status in HELD) == (len(kept.attempts) > len(ended))
    assert (kept.result is not None) == (job.status is Status.SUCCEEDED)
    assert (kept.error is not None) == (job.status is Status.FAILED)
    assert (kept.finished_at is not None) == kept.is_finished


def assert_indexes_agree(store: JobStore, model: QueueModel) -> None:
    for status in Status:
        members = set(store.redis.zrange(redis_keys.JOBS_BY_STATUS + status, 0, -1))
        assert members == {job.id for job in model.in_status(status)}
    queued = [job.id for job in model.in_status(Status.QUEUED)]
    assert store.redis.zrange(redis_keys.QUEUE, 0, -1) == queued
    attempts = list(store.redis.scan_iter(redis_keys.ATTEMPT + "*"))
    assert len(attempts) == sum(job.status in HELD for job in model.jobs)


def test_the_store_agrees_with_the_reference_model(store: JobStore) -> None:
    run_state_machine_as_test(
        lambda: Histories(store),  # type: ignore[arg-type]  # it takes any factory
        settings=settings(
            max_examples=100,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("status", Status)
def test_every_status_can_end(status: Status) -> None:
    reachable, frontier = {status}, [status]
    while frontier:
        fresh = TRANSITIONS[frontier.pop()].keys() - reachable
        reachable |= fresh
        frontier += fresh
    assert reachable & TERMINAL


def test_only_jobs_without_an_attempt_are_cancelled_at_once() -> None:
    ends = {status for status in Status if Status.CANCELLED in TRANSITIONS[status]}
    assert ends - {Status.CANCELLING} == {Status.QUEUED, Status.PAUSED}
    assert {*HELD, *TERMINAL, Status.QUEUED, Status.PAUSED} == set(Status)
