"""Records every write of an attempt to the store, with the answer, in the history; changes neither.

The writes of an attempt are the calls that name it: renew, report, commit_publish, succeed, finish, release.
"""

import time
from typing import TypeVar

from tests.chaos.history.history import History
from worker.errors import WorkerError
from worker.queue.attempt_messages import Claimed
from worker.redis_server.clients import Operation, StoreClient
from worker.redis_server.scripts import Commands, ScriptCall

T = TypeVar("T")


def install(history: History) -> None:
    """Record from now on, in this process."""
    run = StoreClient.run

    def run_and_record(client: StoreClient, operation: Operation[T]) -> T:
        if isinstance(operation, Commands) or "attempt_id" not in operation.arguments:
            return run(client, operation)
        sent_at = time.monotonic()
        try:
            answer = run(client, operation)
        except WorkerError as refusal:
            _record(history, operation, sent_at, refusal.code)
            raise
        if isinstance(answer, Claimed):
            history.add("claimed", item_id=answer.item_id, attempt_id=operation.arguments["attempt_id"])
        else:
            _record(history, operation, sent_at, "ok")
        return answer

    StoreClient.run = run_and_record  # type: ignore[method-assign,assignment]  # the test observes the real method


def _record(history: History, call: ScriptCall[T], sent_at: float, answer: str) -> None:
    verb = call.name.rpartition("/")[2]
    if verb == "claim":  # there was no job to claim
        return
    item_id, attempt_id = call.arguments["item_id"], call.arguments["attempt_id"]
    history.add("write", verb=verb, item_id=item_id, attempt_id=attempt_id, sent_at=sent_at, answer=answer)
