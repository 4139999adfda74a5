"""A trainer that counts, tells the history of each step, and breaks in the way that its job's tags name."""

from tests.chaos.history import History
from tests.worker.fixtures import counting_trainer, failing_trainer
from worker.kinds.training.messages import Start

BREAKS = "breaks="
"""The tag `breaks=segfault` makes a poison job."""


class _Counted:
    """What is known of the attempt once its job came."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._start: Start | None = None

    def at_start(self, start: Start) -> None:
        self._start = start

    def at_step(self, step: int) -> None:
        assert self._start
        job_id, attempt = self._start.job_id, self._start.attempt_number
        self._history.note("step", job_id=job_id, attempt=attempt, step=step)
        way = next((tag for tag in self._start.spec.tags if tag.startswith(BREAKS)), None)
        if way and step == failing_trainer.FAIL_AT_STEP:
            failing_trainer.FAILURES[way.removeprefix(BREAKS)]()


def run(history: History) -> None:
    """Be that trainer."""
    counted = _Counted(history)
    counting_trainer.run(counted.at_step, counted.at_start)
