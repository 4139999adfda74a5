"""A reference model of the queue: what the Lua scripts should do, in plain Python with the same table of states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from worker import errors
from worker.queue.attempt_messages import Flags
from worker.queue.kinds import LANES, Kind, Lane
from worker.queue.states import (
    DEATHS,
    DEATHS_ALLOWED,
    HELD,
    PUBLISH_TRIES_ALLOWED,
    TERMINAL,
    TRANSITIONS,
    Outcome,
    Status,
)

Refusal = type[errors.WorkerError]


class Refused(Exception):  # noqa: N818  # an expectation, not an error
    """Raised when the store should refuse an operation with the error `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.__name__)
        self.refusal = refusal


def refuse(condition: object, refusal: Refusal) -> None:
    if condition:
        raise Refused(refusal)


@dataclass
class ItemModel:
    """The expected state of one work item."""

    id: str
    kind: Kind = Kind.TRAINING
    status: Status = Status.QUEUED
    history: list[Status] = field(default_factory=lambda: [Status.QUEUED])
    outcomes: list[Outcome] = field(default_factory=list)
    attempt: str | None = None
    ended: tuple[str, Outcome] | None = None
    seq: int = 0
    renewals: int = 0
    deaths: int = 0
    rows: int = 0
    reported: int = 0
    """Number of reported rows, including rows that a rewind deleted."""
    checkpoint: int = 0
    publish_tries: int = 0
    should_stop: bool = False
    is_committed: bool = False

    def _move(self, status: Status) -> None:
        refuse(status not in TRANSITIONS[self.status], errors.WrongStateError)
        self.status = status
        self.history.append(status)

    def _fence(self, attempt: str) -> None:
        refuse(self.attempt != attempt, errors.StaleAttemptError)

    def _end_attempt(self, outcome: Outcome, requested: Outcome) -> None:
        assert self.attempt
        self.ended = (self.attempt, requested)
        self.outcomes.append(outcome)
        self.attempt = None

    def cancel(self) -> None:
        if self.status in {Status.CANCELLING, Status.CANCELLED}:
            return
        refuse(self.status in TERMINAL, errors.WrongStateError)
        refuse(self.is_committed, errors.PublishCommittedError)
        self._move(Status.CANCELLING if self.status in HELD else Status.CANCELLED)

    def stop(self) -> None:
        refuse(self.status in {*TERMINAL, Status.CANCELLING}, errors.WrongStateError)
        refuse(self.is_committed, errors.PublishCommittedError)
        refuse(self.rows == 0 and not self.should_stop, errors.NothingToPublishError)
        self.should_stop = True
        status = Status.STOPPING if self.status in HELD else Status.QUEUED
        if status is not self.status:
            self._move(status)

    def pause(self) -> None:
        if self.status in {Status.PAUSING, Status.PAUSED}:
            return
        refuse(self.status not in {Status.QUEUED, Status.RUNNING}, errors.WrongStateError)
        refuse(self.is_committed, errors.PublishCommittedError)
        self._move(Status.PAUSING if self.status in HELD else Status.PAUSED)

    def resume(self) -> None:
        refuse(self.status is not Status.PAUSED, errors.WrongStateError)
        self._move(Status.QUEUED)

    def claim(self, attempt: str) -> None:
        self._move(Status.STOPPING if self.should_stop else Status.RUNNING)
        self.attempt, self.seq, self.renewals = attempt, 0, 0
        if not self.is_committed:
            self.rows = min(self.rows, self.checkpoint)

    def renew(self, attempt: str) -> Flags:
        self._fence(attempt)
        self.renewals += 1
        return Flags(
            cancel=self.status is Status.CANCELLING,
            pause=self.status is Status.PAUSING,
            stop=self.status is Status.STOPPING,
        )

    def report(self, attempt: str, seq: int, *, has_checkpoint: bool) -> Flags:
        is_new = seq > self.seq
        flags = self.report_progress(attempt, seq)
        if is_new and self.kind is Kind.TRAINING:
            self.rows += 1
            self.reported += 1
            if has_checkpoint:
                self.checkpoint, self.deaths = self.rows, 0
        return flags

    def report_progress(self, attempt: str, seq: int) -> Flags:
        flags = self.renew(attempt)
        self.seq = max(self.seq, seq)
        return flags

    def commit(self, attempt: str) -> None:
        self._fence(attempt)
        refuse(not self.is_committed and self.status is Status.CANCELLING, errors.JobCancelledError)
        self.is_committed = True

    def finish(self, attempt: str, outcome: Outcome, *, ends_as: Outcome) -> None:
        """`ends_as` is the outcome that the record then shows for the attempt."""
        if self.ended == (attempt, outcome):
            return
        self._fence(attempt)
        if self.status is Status.CANCELLING and outcome is Outcome.FAILED:
            ends_as = Outcome.CANCELLED
        status = Status(outcome if ends_as is Outcome.STOPPED else ends_as)
        refuse(status not in TRANSITIONS[self.status], errors.WrongStateError)
        refuse(status is Status.FAILED and self.is_committed, errors.PublishCommittedError)
        needs_commit = self.kind is Kind.TRAINING and status is Status.SUCCEEDED
        refuse(needs_commit and not self.is_committed, errors.NothingCommittedError)
        self._move(status)
        self._end_attempt(ends_as, outcome)

    def release(self, attempt: str, outcome: Outcome, renewals: int | None = None) -> None:
        if self.ended == (attempt, outcome):
            return
        self._fence(attempt)
        refuse(renewals not in {None, self.renewals}, errors.StaleAttemptError)
        if self.status is Status.CANCELLING:
            self._move(Status.CANCELLED)
            self._end_attempt(Outcome.CANCELLED, outcome)
            return
        self.deaths += outcome in DEATHS
        is_failed_publish = outcome in DEATHS - {Outcome.WORKER_LOST} and self.is_committed
        self.publish_tries += is_failed_publish
        has_died_too_often = outcome in DEATHS and self.deaths >= DEATHS_ALLOWED and not self.is_committed
        has_failed_too_often = is_failed_publish and self.publish_tries >= PUBLISH_TRIES_ALLOWED
        pauses = self.status is Status.PAUSING and not self.is_committed
        back = Status.PAUSED if pauses else Status.QUEUED
        self._move(Status.FAILED if has_died_too_often or has_failed_too_often else back)
        self._end_attempt(outcome, outcome)


class QueueModel:
    """The expected state of all work items, in order of submission."""

    def __init__(self) -> None:
        self.items: list[ItemModel] = []

    def in_status(self, status: Status, kind: Kind) -> Iterator[ItemModel]:
        return (item for item in self.items if item.status is status and item.kind is kind)

    def claim(self, attempt: str, lanes: Sequence[Lane]) -> ItemModel | None:
        """Claim the oldest queued item of the first lane that has one."""
        for lane in lanes:
            for kind in Kind:
                item = next(self.in_status(Status.QUEUED, kind), None) if LANES[kind] is lane else None
                if item:
                    item.claim(attempt)
                    return item
        return None
