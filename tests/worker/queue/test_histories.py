"""Random sequences of operations: the Lua scripts always agree with the reference model in Python."""

from collections.abc import Callable
from typing import Any, TypeVar

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
from tests.worker.imported import new_import
from tests.worker.item_model import ItemModel, QueueModel, Refused
from tests.worker.queue.agreement import assert_agrees, assert_indexes_agree
from tests.worker.samples import draft, make_due, make_job, row
from worker.errors import WorkerError
from worker.queue.attempt_messages import ClaimedJob, Report, TrainingReport
from worker.queue.calls import attempts, imports, requests, trainings
from worker.queue.ids import new_attempt_id, new_model_id
from worker.queue.kinds import Kind, Lane
from worker.queue.records import Checkpoint, ImportProgress, Job, JobError, Progress
from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Outcome, Phase, Status
from worker.queue.store import JobStore
from worker.redis_server.scripts import ScriptCall

WHY = JobError(code="training_diverged", message="lower it")
RELEASES = st.sampled_from(
    [Outcome.DRAINED, Outcome.PAUSED, Outcome.CRASHED, Outcome.STALLED, Outcome.OUT_OF_MEMORY]
)
T = TypeVar("T")
Held = tuple[ItemModel, str]
JOBS, IMPORTS = 2, 2
"""Few items, so that many operations meet the same item."""
VERBS = ["cancel", "stop", "pause", "resume"]
REPEATS = st.integers(0, 1)
"""How often a call is repeated, as the Redis client does after a lost reply."""
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
        self.requests: list[tuple[ScriptCall[Any], Any]] = []

    def choose(self, which: int, kind: Kind | None = None) -> Held:
        """Choose an attempt, of this kind where one is given and an attempt of it exists."""
        attempts = [held for held in self.attempts if held[0].kind is kind] or self.attempts
        live = [held for held in attempts if held[0].attempt == held[1]]
        among = live if live and which else attempts
        return among[which % len(among)]

    @initialize()
    def begin(self) -> None:
        self.store.redis.flushall()
        self.model.items += [ItemModel(self.store.submit(make_job()).job_id) for _ in range(JOBS)]
        for number in range(IMPORTS):
            submitted = self.store.submit_import(new_import(f"pets{number}", str(number))).dataset_import
            self.model.items.append(ItemModel(submitted.id, Kind.DATASET_IMPORT))

    def both(self, call: ScriptCall[T], on_model: Callable[[], T | None], *, repeats: int = 0) -> T | None:
        """Run a call on both; they must return the same answer or the same refusal.

        The store runs the call again `repeats` times: the answer stays the same, and nothing else changes; a repeated
        report renews the lease again, which the model counts.
        """
        try:
            expected = on_model()
        except Refused as refused:
            expected_refusal = refused.refusal
        else:
            answers = [self.store.run(call) for _ in range(1 + repeats)]
            assert answers == [answers[0] if expected is None else expected] * len(answers)
            return answers[0]
        for _ in range(1 + repeats):
            with pytest.raises(WorkerError) as refusal:
                self.store.run(call)
            assert refusal.type is expected_refusal
        return None

    @rule(number=st.integers(0, JOBS - 1), verb=st.sampled_from(VERBS), repeats=REPEATS)
    def ask(self, number: int, verb: str, repeats: int) -> None:
        job = self.model.items[number]
        module = trainings if verb == "stop" else requests
        call: ScriptCall[Job] = getattr(module, verb)(job.id)
        answer = self.both(call, getattr(job, verb), repeats=repeats)
        if answer:
            self.requests.append((call, answer))

    @rule(number=st.integers(0, IMPORTS - 1), repeats=REPEATS)
    def cancel_import(self, number: int, repeats: int) -> None:
        item = self.model.items[JOBS + number]
        call = requests.cancel_item(item.id)
        answer = self.both(call, item.cancel, repeats=repeats)
        if answer:
            self.requests.append((call, answer))

    @precondition(lambda self: self.requests)
    @rule(which=WHICH)
    def repeat_request(self, which: int) -> None:
        """Repeat an earlier request, as a client does whose reply was lost: same answer, no change."""
        call, answer = self.requests[-1 - which % len(self.requests)]
        assert self.store.run(call) == answer

    @rule(repeats=REPEATS, lanes=st.permutations(list(Lane)), served=st.integers(1, len(Lane)))
    def claim(self, repeats: int, lanes: list[Lane], served: int) -> None:
        attempt = new_attempt_id()
        call = attempts.claim("host:1", attempt, lanes=lanes[:served])
        job = self.model.claim(attempt, lanes[:served])
        claimed = self.store.run(call)
        for _ in range(repeats if claimed else 0):
            assert self.store.run(call) == claimed
        assert (claimed and claimed.item_id) == (job and job.id)
        if job is None or claimed is None:
            return
        assert claimed.kind is job.kind
        if isinstance(claimed, ClaimedJob):
            assert claimed.should_stop == job.should_stop
            assert bool(claimed.committed) == job.is_committed
            assert (claimed.checkpoint.epoch if claimed.checkpoint else 0) == job.checkpoint
        self.attempts.append((job, attempt))

    @has_attempts
    @rule(which=WHICH)
    def renew(self, which: int) -> None:
        job, attempt = self.choose(which)
        self.both(attempts.renew(job.id, attempt), lambda: job.renew(attempt))

    @has_attempts
    @rule(which=WHICH, has_checkpoint=st.booleans(), repeats=REPEATS)
    def report(self, which: int, has_checkpoint: bool, repeats: int) -> None:
        job, attempt = self.choose(which)
        epoch = job.rows + 1
        checkpoint = Checkpoint(key=f"{attempt}-{epoch}", epoch=epoch, step=0) if has_checkpoint else None
        of_job = TrainingReport(rows=(row(epoch),), checkpoint=checkpoint)
        of_import = Report(phase=Phase.READING, progress=ImportProgress(files=1, total=2, fraction=0.5))
        seq = job.seq + 1
        self.both(
            attempts.report(job.id, attempt, seq, of_job if job.kind is Kind.TRAINING else of_import),
            lambda: [job.report(attempt, seq, has_checkpoint=has_checkpoint) for _ in range(1 + repeats)][-1],
            repeats=repeats,
        )

    @has_attempts
    @rule(which=WHICH, is_late=st.booleans(), repeats=REPEATS)
    def report_progress(self, which: int, is_late: bool, repeats: int) -> None:
        job, attempt = self.choose(which)
        progress: Progress | ImportProgress = Progress(epoch=1, epochs=3, fraction=0.1)
        if job.kind is not Kind.TRAINING:
            progress = ImportProgress(files=1, total=2, fraction=0.5)
        seq = job.seq + (0 if is_late else 1)
        self.both(
            attempts.report(job.id, attempt, seq, Report(progress=progress)),
            lambda: [job.report_progress(attempt, seq) for _ in range(1 + repeats)][-1],
            repeats=repeats,
        )

    @has_attempts
    @rule(which=WHICH, reason=st.sampled_from(FinishReason), repeats=REPEATS)
    def commit(self, which: int, reason: FinishReason, repeats: int) -> None:
        job, attempt = self.choose(which, Kind.TRAINING)
        if job.kind is not Kind.TRAINING:
            return
        manifest = draft(new_model_id()) | {"finish_reason": reason}
        call = trainings.commit_publish(job.id, attempt, manifest)
        self.both(call, lambda: job.commit(attempt), repeats=repeats)

    @has_attempts
    @rule(
        which=WHICH,
        outcome=st.sampled_from([Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED]),
        repeats=REPEATS,
    )
    def finish(self, which: int, outcome: Outcome, repeats: int) -> None:
        job, attempt = self.choose(which)
        why = WHY if outcome is Outcome.FAILED else None
        call, ends_as = attempts.finish(job.id, attempt, outcome, why), outcome
        if outcome is Outcome.SUCCEEDED and job.kind is Kind.TRAINING:
            call = trainings.succeed(job.id, attempt)
            if self.store.get(job.id).finish_reason == "stopped":
                ends_as = Outcome.STOPPED
        elif outcome is Outcome.SUCCEEDED:
            call = imports.succeed_import(job.id, attempt, f"ds_{job.id}", "{}")
        self.both(
            call,
            lambda: job.finish(attempt, outcome, ends_as=ends_as),
            repeats=repeats,
        )

    @has_attempts
    @rule(which=WHICH, outcome=RELEASES, repeats=REPEATS)
    def release(self, which: int, outcome: Outcome, repeats: int) -> None:
        job, attempt = self.choose(which)
        call = attempts.requeue(job.id, attempt, outcome)
        self.both(call, lambda: job.release(attempt, outcome), repeats=repeats)
        make_due(self.store)

    @has_attempts
    @rule(which=WHICH, behind=st.integers(0, 1), repeats=REPEATS)
    def reap(self, which: int, behind: int, repeats: int) -> None:
        self.reap_attempt(self.choose(which), behind, repeats)

    def reap_attempt(self, held: Held, behind: int, repeats: int) -> None:
        job, attempt = held
        seen = job.renewals - behind
        self.both(
            attempts.reap(job.id, attempt, seen),
            lambda: job.release(attempt, Outcome.WORKER_LOST, seen),
            repeats=repeats,
        )

    @has_attempts
    @rule(which=st.integers(1, 9), repeats=REPEATS)
    def pause_commit_and_die(self, which: int, repeats: int) -> None:
        """The worker dies between the commit and the end of its job, while the job is pausing."""
        job, attempt = self.choose(which, Kind.TRAINING)
        if job.kind is not Kind.TRAINING:
            return
        self.ask(self.model.items.index(job), "pause", repeats)
        self.both(
            trainings.commit_publish(job.id, attempt, draft(new_model_id())), lambda: job.commit(attempt)
        )
        self.reap_attempt((job, attempt), 0, repeats)

    @invariant()
    def agrees(self) -> None:
        for job in self.model.items:
            read = self.store.get if job.kind is Kind.TRAINING else self.store.get_import
            assert_agrees(read(job.id), job)
            # Past the commit point the job is held or waits for a claim: nothing parks it.
            assert not job.is_committed or job.status in {Status.QUEUED, Status.SUCCEEDED, *HELD}
        leases = {lease.item_id for lease in self.store.watch().leases}
        assert leases == {job.id for job in self.model.items if job.status in HELD}
        assert_indexes_agree(self.store, self.model)

    def teardown(self) -> None:
        """Compare, once at the end, what is too slow to compare after each step."""
        for job in self.model.items:
            assert [row.epoch for row in self.store.rows(job.id)] == list(range(1, job.rows + 1))
            kinds = [event.event for event in self.store.events(job.id).events]
            assert kinds.count("epoch") == job.reported
            assert kinds.count("end") == (job.status in TERMINAL)
            assert (kinds[-1] == "end") == (job.status in TERMINAL)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("histories", [40, pytest.param(500, marks=pytest.mark.chaos)])
def test_the_store_agrees_with_the_reference_model(store: JobStore, histories: int) -> None:
    run_state_machine_as_test(
        lambda: Histories(store),  # type: ignore[arg-type]  # it takes any factory
        settings=settings(
            max_examples=histories,
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
