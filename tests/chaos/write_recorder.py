"""Records every write of a worker to the store, with the answer; changes neither."""

import time
from typing import TypeVar

from tests.chaos.history import History
from worker.errors import WorkerError
from worker.queue.attempt_messages import Claimed
from worker.redis_server.clients import Operation, StoreClient
from worker.redis_server.scripts import Commands, ScriptCall

WRITES = frozenset({"renew", "report", "commit_publish", "finish", "release"})

T = TypeVar("T")


def install(history: History) -> None:
    """Record from now on, in this process."""
    run = StoreClient.run

    def recorded(client: StoreClient, operation: Operation[T]) -> T:
        if isinstance(operation, Commands):
            return run(client, operation)
        sent_at = time.monotonic()
        try:
            answer = run(client, operation)
        except WorkerError as refusal:
            if operation.name in WRITES:
                _note_write(history, operation, sent_at, refusal.code)
            raise
        if isinstance(answer, Claimed):
            history.note("claimed", job_id=answer.job_id, attempt_id=operation.arguments[0])
        elif operation.name in WRITES:
            _note_write(history, operation, sent_at, "ok")
        return answer

    StoreClient.run = recorded  # type: ignore[method-assign,assignment]  # the test observes the real method


def _note_write(history: History, call: ScriptCall[T], sent_at: float, answer: str) -> None:
    job_id, attempt_id = call.arguments[:2]
    history.note(
        "write", verb=call.name, job_id=job_id, attempt_id=attempt_id, sent_at=sent_at, answer=answer
    )
