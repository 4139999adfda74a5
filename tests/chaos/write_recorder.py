"""Has a worker write down what it asked of the store and what it was answered; changes neither."""

import time
from typing import TypeVar

from tests.chaos.history import History
from worker.errors import JobsError
from worker.queue.job import Claimed
from worker.redis_server.scripts import BlockingFace, Call

WRITES = frozenset({"renew", "report", "commit_publish", "finish", "release"})

T = TypeVar("T")


def install(history: History) -> None:
    """From now on, in this process."""
    run = BlockingFace.run

    def recorded(face: BlockingFace, call: Call[T]) -> T:
        sent_at = time.monotonic()
        try:
            answer = run(face, call)
        except JobsError as refusal:
            if call.name in WRITES:
                _note_write(history, call, sent_at, refusal.code)
            raise
        if isinstance(answer, Claimed):
            history.note("claimed", job_id=answer.job_id, attempt_id=call.arguments[0])
        elif call.name in WRITES:
            _note_write(history, call, sent_at, "ok")
        return answer

    BlockingFace.run = recorded  # type: ignore[method-assign,assignment]  # a test's own eyes


def _note_write(history: History, call: Call[T], sent_at: float, answer: str) -> None:
    job_id, attempt_id = call.arguments[:2]
    history.note(
        "write", verb=call.name, job_id=job_id, attempt_id=attempt_id, sent_at=sent_at, answer=answer
    )
