"""The counting trainer, which records each step in the history and fails as the tags of its job say."""

import os

from tests.chaos.history.history import History
from tests.worker.fixtures import counting_trainer, failing_trainer
from worker.kinds.training.messages import Start

FAILURE_TAG = "fails="
"""The tag `fails=segfault` on a job makes its trainers fail by a segmentation fault."""


class _StepRecorder:
    """Callbacks of the counting trainer."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._start: Start | None = None

    def on_start(self, start: Start) -> None:
        self._start = start

    def on_step(self, step: int) -> None:
        assert self._start
        job_id, attempt = self._start.job_id, self._start.attempt_number
        self._history.add("step", item_id=job_id, pid=os.getpid(), attempt=attempt, step=step)
        failure = next((tag for tag in self._start.spec.tags if tag.startswith(FAILURE_TAG)), None)
        if failure and step == failing_trainer.FAIL_AT_STEP:
            failing_trainer.FAILURES[failure.removeprefix(FAILURE_TAG)]()


def run(history: History) -> None:
    """Run the trainer."""
    recorder = _StepRecorder(history)
    counting_trainer.run(recorder.on_step, recorder.on_start)
