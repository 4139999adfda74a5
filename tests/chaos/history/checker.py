"""Checks a history against every guarantee whose violation is visible from outside; one rule each. Runs nothing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from model.artifact.manifest import FinishReason
from tests.chaos.history.history import Entry, History
from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Outcome, Status

JOB_ENDING_OUTCOMES = frozenset({Outcome.SUCCEEDED, Outcome.STOPPED, Outcome.FAILED, Outcome.CANCELLED})
RESUMABLE_OUTCOMES = frozenset({Outcome.DRAINED, Outcome.PAUSED})


class RunHistory:
    """The entries of one test run, grouped as the rules need them."""

    def __init__(self, history: History, run_tag: str) -> None:
        self.submitted = [entry["key"] for entry in history.entries("submitted") if entry["run"] == run_tag]
        self.accepted = [entry for entry in history.entries("accepted") if entry["run"] == run_tag]
        finals = [entry for entry in history.entries("final") if run_tag in entry["job"]["tags"]]
        self.jobs = {entry["job"]["id"]: entry["job"] for entry in finals}
        self.epochs = {entry["job"]["id"]: entry["epochs"] for entry in finals}
        self.replayed = self._by_job(history.entries("replayed"))
        self.claims = self._by_job(history.entries("claimed"))
        self.writes = self._by_job(history.entries("write"))
        self.steps = self._by_job(history.entries("step"))
        self.leases = self._by_job(history.entries("lease"))
        self.manifests = self._by_job(history.entries("manifest"))
        self.cancels = self._by_job(history.entries("cancel_accepted"))
        self.received: dict[tuple[str, str], list[str]] = defaultdict(list)
        for entry in history.entries("received"):
            if entry["job_id"] in self.jobs:
                self.received[entry["watcher"], entry["job_id"]].append(entry["id"])

    def _by_job(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        by_job: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry["job_id"] in self.jobs:
                by_job[entry["job_id"]].append(entry)
        return by_job


def check_history(history: History, run_tag: str) -> None:
    """Check a finished run against every rule.

    Raises:
        AssertionError: names each violated rule and how it was violated.
    """
    run = RunHistory(history, run_tag)
    violations = [f"{rule.__name__}: {violation}" for rule in RULES for violation in rule(run)]
    assert not violations, "\n".join(violations)


def no_job_is_lost(run: RunHistory) -> Iterator[str]:
    for entry in run.accepted:
        if entry["job_id"] not in run.jobs:
            yield f"{entry['job_id']} was accepted, and the API does not know it"


def a_key_makes_one_job(run: RunHistory) -> Iterator[str]:
    answers = Counter(key for key, _ in {(entry["key"], entry["job_id"]) for entry in run.accepted})
    records = Counter(
        tag.removeprefix("key=") for job in run.jobs.values() for tag in job["tags"] if tag.startswith("key=")
    )
    for key, count in (answers | records).items():
        if count > 1 or key not in run.submitted:
            yield f"{count} jobs for the key {key}"


def every_job_ends(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        if job["status"] not in TERMINAL:
            yield f"{job_id} is {job['status']}"


def every_unfinished_job_renews_its_lease(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        if job["status"] not in HELD:
            continue
        counts = [entry["renewals"] for entry in run.leases[job_id]]
        if len(counts) == 2 and counts[0] == counts[1]:
            yield f"{job_id} is {job['status']} and its lease is not renewed"


def every_change_is_legal(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        statuses = [Status(step["status"]) for step in job["transitions"]]
        for before, after in pairwise(statuses):
            if after not in TRANSITIONS[before]:
                yield f"{job_id} went from {before} to {after}"
        if statuses[0] != Status.QUEUED or statuses[-1] != job["status"]:
            yield f"{job_id} is {job['status']} after {statuses}"


def only_one_attempt_ends_a_job(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        numbers = [attempt["number"] for attempt in job["attempts"]]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{job_id} has attempts {numbers}"
        ends = [attempt["outcome"] in JOB_ENDING_OUTCOMES for attempt in job["attempts"]]
        if any(ends[:-1]):
            yield f"{job_id} continued after an attempt that ended it"
        stored = {entry["model_id"] for entry in run.manifests[job_id]}
        expected = {job["result"]["model"]["id"]} if job["result"] else set()
        if job["status"] in TERMINAL and stored != expected:
            yield f"{job_id} reports the models {expected}, and storage holds {stored}"


def no_stale_write_is_accepted(run: RunHistory) -> Iterator[str]:
    """Violated by a write that was sent after the claim of a later attempt was answered, and that was accepted."""
    for job_id, writes in run.writes.items():
        claims = run.claims[job_id]
        claimed_at = {claim["attempt_id"]: claim["at"] for claim in claims}
        first_sent: dict[tuple[str, str], float] = {}
        for write in writes:
            write_id = write["verb"], write["attempt_id"]
            # A repeated end of an attempt, after a lost answer, is acknowledged and changes nothing.
            is_repeatable = write["verb"] in ("finish", "release", "succeed")
            sent_at = first_sent.setdefault(write_id, write["sent_at"]) if is_repeatable else write["sent_at"]
            own = claimed_at.get(write["attempt_id"], sent_at)
            if write["answer"] == "ok" and any(own < at < sent_at for at in claimed_at.values()):
                yield f"{write['verb']} by {write['attempt_id']} on {job_id}"


def an_attempt_without_lease_computes_at_most_one_step(run: RunHistory) -> Iterator[str]:
    for job_id, steps in run.steps.items():
        for attempt in {step["attempt"] for step in steps}:
            later = [step["at"] for step in steps if step["attempt"] > attempt]
            late = [
                step for step in steps if step["attempt"] == attempt and later and step["at"] > min(later)
            ]
            if len(late) > 1:
                yield f"{len(late)} steps by attempt {attempt} of {job_id} after the next attempt had begun"


def a_drain_repeats_no_step(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        done: set[int] = set()
        for attempt in job["attempts"]:
            steps = [s["step"] for s in run.steps[job_id] if s["attempt"] == attempt["number"]]
            if done & set(steps):
                yield f"attempt {attempt['number']} of {job_id} repeats {sorted(done & set(steps))}"
            done = done | set(steps) if attempt["outcome"] in {None, *RESUMABLE_OUTCOMES} else set()


def every_step_is_done(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        done = {step["step"] for step in run.steps[job_id]}
        if job["status"] == Status.SUCCEEDED and done != set(range(len(done))):
            yield f"{job_id} did the steps {sorted(done)}"


def every_epoch_is_recorded_once(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        epochs = run.epochs[job_id]
        if epochs != list(range(1, len(epochs) + 1)):
            yield f"{job_id} has rows {epochs}"
        if job["finish_reason"] == FinishReason.COMPLETED and len(epochs) != job["spec"]["epochs"]:
            yield f"{job_id} has {len(epochs)} rows of {job['spec']['epochs']}"
        reported = 0
        for event in run.replayed[job_id]:
            if event["event"] == "epoch":
                reported += 1
                if event["data"]["epoch"] != reported:
                    yield f"{job_id} reported epoch {event['data']['epoch']} where {reported} was next"
            elif event["event"] == "rewind":
                reported = event["data"]["epoch"]


def the_end_is_the_last_event(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        kinds = [event["event"] for event in run.replayed[job_id]]
        if job["status"] in TERMINAL and (kinds.count("end") != 1 or kinds[-1] != "end"):
            yield f"{job_id} has {kinds.count('end')} end events, and its last event is {kinds[-1:]}"


def every_watcher_receives_every_event_once(run: RunHistory) -> Iterator[str]:
    """Over all its connections, a watcher receives the same events as a reader that connects after the end."""
    for (watcher, job_id), received in run.received.items():
        expected = [event["id"] for event in run.replayed[job_id]]
        if expected and received != expected:
            lost, extra = set(expected) - set(received), Counter(received) - Counter(expected)
            yield f"{watcher} of {job_id} missed {sorted(lost)} and received in excess {sorted(map(str, extra))}"


def an_accepted_cancel_ends_in_cancelled(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        if run.cancels[job_id] and job["status"] != Status.CANCELLED:
            yield f"{job_id} is {job['status']} although its cancel was accepted"


RULES: tuple[Callable[[RunHistory], Iterator[str]], ...] = (
    no_job_is_lost,
    a_key_makes_one_job,
    every_job_ends,
    every_unfinished_job_renews_its_lease,
    every_change_is_legal,
    only_one_attempt_ends_a_job,
    no_stale_write_is_accepted,
    an_attempt_without_lease_computes_at_most_one_step,
    a_drain_repeats_no_step,
    every_step_is_done,
    every_epoch_is_recorded_once,
    the_end_is_the_last_event,
    every_watcher_receives_every_event_once,
    an_accepted_cancel_ends_in_cancelled,
)
