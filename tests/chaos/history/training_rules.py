"""The rules for jobs. Each yields its violations."""

from collections.abc import Callable, Iterator

from model.artifact.manifest import FinishReason
from tests.chaos.history.run_history import RunHistory
from worker.queue.states import TERMINAL, Outcome, Status

RESUMABLE_OUTCOMES = frozenset({Outcome.DRAINED, Outcome.PAUSED})


def a_job_publishes_only_its_model(run: RunHistory) -> Iterator[str]:
    for job_id, job in run.jobs.items():
        stored = {entry["model_id"] for entry in run.manifests[job_id]}
        expected = {job["result"]["model"]["id"]} if job["result"] else set()
        if job["status"] in TERMINAL and stored != expected:
            yield f"{job_id} reports the models {expected}, and storage holds {stored}"


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


TRAINING_RULES: tuple[Callable[[RunHistory], Iterator[str]], ...] = (
    a_job_publishes_only_its_model,
    an_attempt_without_lease_computes_at_most_one_step,
    a_drain_repeats_no_step,
    every_step_is_done,
    every_epoch_is_recorded_once,
)
