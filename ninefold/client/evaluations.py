"""Evaluates a model on another dataset and waits for the result."""

import uuid
from collections.abc import Callable

from ninefold.client.events import follow_events
from ninefold.client.transport import Json, Transport
from ninefold.errors import EvaluationFailedError


def evaluate(
    transport: Transport,
    model_id: str,
    dataset: str,
    split: str,
    on_progress: Callable[[Json], None] | None = None,
) -> Json:
    """Queue an evaluation, follow it to its end, and return it.

    Raises:
        EvaluationFailedError: it failed or was cancelled.
    """
    run = transport.request_object(
        "POST",
        f"/models/{model_id}/evaluations",
        json={"dataset": dataset, "split": split},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    path = f"/models/{model_id}/evaluations/{run['id']}"
    for event in follow_events(transport, f"{path}/events"):
        if on_progress and event.kind == "progress":
            on_progress(event.data)
    run = transport.request_object("GET", path)
    if run["status"] != "succeeded":
        error = run["error"] or {"code": run["status"], "message": "The evaluation was cancelled."}
        raise EvaluationFailedError(run["id"], error["message"], error["code"])
    return run
