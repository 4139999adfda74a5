"""The one judge of a history: every promise that can be seen to be broken from outside, as a rule. Runs nothing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from model.artifact.manifest import FinishReason
from tests.chaos.history import Entry, History
from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Outcome, Status

ENDS_OF_JOBS = frozenset({Outcome.SUCCEEDED, Outcome.STOPPED, Outcome.FAILED, Outcome.CANCELLED})
HANDED_BACK = frozenset({Outcome.DRAINED, Outcome.PAUSED})


class Record:
    """A run's entries, sorted by what the rules ask for."""

    def __init__(self, history: History, run: str) -> None:
        self.asked = [entry["key"] for entry in history.entries("asked") if entry["run"] == run]
        self.accepted = [entry for entry in history.entries("accepted") if entry["run"] == run]
        finals = [entry for entry in history.entries("final") if run in entry["job"]["tags"]]
        self.jobs = {entry["job"]["id"]: entry["job"] for entry in finals}
        self.epochs = {entry["job"]["id"]: entry["epochs"] for entry in finals}
        self.replayed = self._by_job(history.entries("replayed"))
        self.claims = self._by_job(history.entries("claimed"))
        self.writes = self._by_job(history.entries("write"))
        self.steps = self._by_job(history.entries("step"))
        self.leases = self._by_job(history.entries("lease"))
        self.manifests = self._by_job(history.entries("manifest"))
        self.cancels = self._by_job(history.entries("cancel_agreed"))
        self.heard: dict[tuple[str, str], list[str]] = defaultdict(list)
        for entry in history.entries("heard"):
            if entry["job_id"] in self.jobs:
                self.heard[entry["watcher"], entry["job_id"]].append(entry["id"])

    def _by_job(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        by_job: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry["job_id"] in self.jobs:
                by_job[entry["job_id"]].append(entry)
        return by_job


def check(history: History, run: str) -> None:
    """Hold a settled run against every rule; raises AssertionError that names each fault."""
    record = Record(history, run)
    faults = [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(record)]
    assert not faults, "\n".join(faults)


def no_job_is_lost(record: Record) -> Iterator[str]:
    for entry in record.accepted:
        if entry["job_id"] not in record.jobs:
            yield f"{entry['job_id']} was accepted and is unknown"


def a_key_makes_one_job(record: Record) -> Iterator[str]:
    answers = Counter(key for key, _ in {(entry["key"], entry["job_id"]) for entry in record.accepted})
    records = Counter(
        tag.removeprefix("key=")
        for job in record.jobs.values()
        for tag in job["tags"]
        if tag.startswith("key=")
    )
    for key, count in (answers | records).items():
        if count > 1 or key not in record.asked:
            yield f"{count} jobs for the key {key}"


def every_job_ends(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        if job["status"] not in TERMINAL:
            yield f"{job_id} is {job['status']}"


def nothing_runs_without_a_lease(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        if job["status"] not in HELD:
            continue
        counts = [entry["renewals"] for entry in record.leases[job_id]]
        if len(counts) == 2 and counts[0] == counts[1]:
            yield f"{job_id} is {job['status']} and nobody renews its lease"


def every_change_is_legal(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        statuses = [Status(step["status"]) for step in job["transitions"]]
        for before, after in pairwise(statuses):
            if after not in TRANSITIONS[before]:
                yield f"{job_id} went from {before} to {after}"
        if statuses[0] != Status.QUEUED or statuses[-1] != job["status"]:
            yield f"{job_id} is {job['status']} after {statuses}"


def one_attempt_has_effect(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        numbers = [attempt["number"] for attempt in job["attempts"]]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{job_id} has attempts {numbers}"
        ends = [attempt["outcome"] in ENDS_OF_JOBS for attempt in job["attempts"]]
        if any(ends[:-1]):
            yield f"{job_id} went on after an attempt that ended it"
        models = {entry["model_id"] for entry in record.manifests[job_id]}
        wanted = {job["result"]["model"]["id"]} if job["result"] else set()
        if job["status"] in TERMINAL and models != wanted:
            yield f"{job_id} says it made {wanted}, and storage holds {models}"


def no_stale_write_is_accepted(record: Record) -> Iterator[str]:
    """A write that was sent after a later attempt's claim was answered, and was answered with ok."""
    for job_id, writes in record.writes.items():
        claims = record.claims[job_id]
        claimed_at = {claim["attempt_id"]: claim["at"] for claim in claims}
        first_sent: dict[tuple[str, str], float] = {}
        for write in writes:
            said = write["verb"], write["attempt_id"]
            # Repeating how an attempt ended, after a lost answer, is acknowledged and changes nothing.
            is_repeatable = write["verb"] in ("finish", "release")
            sent_at = first_sent.setdefault(said, write["sent_at"]) if is_repeatable else write["sent_at"]
            own = claimed_at.get(write["attempt_id"], sent_at)
            if write["answer"] == "ok" and any(own < at < sent_at for at in claimed_at.values()):
                yield f"{write['verb']} by {write['attempt_id']} on {job_id}"


def a_lost_lease_computes_one_step_at_most(record: Record) -> Iterator[str]:
    for job_id, steps in record.steps.items():
        for attempt in {step["attempt"] for step in steps}:
            later = [step["at"] for step in steps if step["attempt"] > attempt]
            late = [
                step for step in steps if step["attempt"] == attempt and later and step["at"] > min(later)
            ]
            if len(late) > 1:
                yield f"{len(late)} steps by attempt {attempt} of {job_id} after the next one had begun"


def a_drain_loses_no_step(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        done: set[int] = set()
        for attempt in job["attempts"]:
            steps = [s["step"] for s in record.steps[job_id] if s["attempt"] == attempt["number"]]
            if done & set(steps):
                yield f"attempt {attempt['number']} of {job_id} repeats {sorted(done & set(steps))}"
            done = done | set(steps) if attempt["outcome"] in {None, *HANDED_BACK} else set()


def every_step_is_done(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        done = {step["step"] for step in record.steps[job_id]}
        if job["status"] == Status.SUCCEEDED and done != set(range(len(done))):
            yield f"{job_id} did the steps {sorted(done)}"


def every_epoch_is_there_once(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        epochs = record.epochs[job_id]
        if epochs != list(range(1, len(epochs) + 1)):
            yield f"{job_id} has rows {epochs}"
        if job["finish_reason"] == FinishReason.COMPLETED and len(epochs) != job["spec"]["epochs"]:
            yield f"{job_id} has {len(epochs)} rows of {job['spec']['epochs']}"
        told = 0
        for event in record.replayed[job_id]:
            if event["event"] == "epoch":
                told += 1
                if event["data"]["epoch"] != told:
                    yield f"{job_id} told epoch {event['data']['epoch']} where {told} was next"
            elif event["event"] == "rewind":
                told = event["data"]["epoch"]


def nothing_follows_an_end(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        kinds = [event["event"] for event in record.replayed[job_id]]
        if job["status"] in TERMINAL and (kinds.count("end") != 1 or kinds[-1] != "end"):
            yield f"{job_id} has {kinds.count('end')} ends, and last {kinds[-1:]}"


def every_event_is_heard_once(record: Record) -> Iterator[str]:
    """Each watcher, over all its streams, heard just what one who comes late is told."""
    for (watcher, job_id), heard in record.heard.items():
        told = [event["id"] for event in record.replayed[job_id]]
        if told and heard != told:
            lost, extra = set(told) - set(heard), Counter(heard) - Counter(told)
            yield f"{watcher} of {job_id} missed {sorted(lost)} and heard in excess {sorted(map(str, extra))}"


def an_agreed_cancel_is_kept(record: Record) -> Iterator[str]:
    for job_id, job in record.jobs.items():
        if record.cancels[job_id] and job["status"] != Status.CANCELLED:
            yield f"{job_id} is {job['status']} although its cancelling was agreed to"


RULES: tuple[Callable[[Record], Iterator[str]], ...] = (
    no_job_is_lost,
    a_key_makes_one_job,
    every_job_ends,
    nothing_runs_without_a_lease,
    every_change_is_legal,
    one_attempt_has_effect,
    no_stale_write_is_accepted,
    a_lost_lease_computes_one_step_at_most,
    a_drain_loses_no_step,
    every_step_is_done,
    every_epoch_is_there_once,
    nothing_follows_an_end,
    every_event_is_heard_once,
    an_agreed_cancel_is_kept,
)
