"""What only evaluations of published models have: submit, success, and pages of the evaluations of a model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from worker.queue.calls.attempts import read_status
from worker.queue.calls.requests import Idempotency, read_submitted, submission_arguments
from worker.queue.ids import new_evaluation_id
from worker.queue.kinds import QUEUE_LIMITS, VERSION_WITH_EVALUATIONS, Kind
from worker.queue.records import EvaluatedSplit, EvaluationResult, EvaluationRun
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Reply, ScriptCall


@dataclass(frozen=True)
class NewEvaluation:
    """A published model to evaluate on a dataset."""

    model: str
    model_name: str
    dataset: str
    """The id of an uploaded dataset, or the name of a built-in one."""
    is_uploaded: bool
    split: EvaluatedSplit = EvaluatedSplit.TEST
    created_by: str | None = None
    project: str = DEFAULT_PROJECT


@dataclass(frozen=True)
class SubmittedEvaluation:
    """The answer to a submission. A repeated Idempotency-Key gets the first answer."""

    run: EvaluationRun
    is_replay: bool


def submit_evaluation(
    new: NewEvaluation,
    idempotency_key: str | None = None,
    *,
    queue_limit: int = QUEUE_LIMITS[Kind.EVALUATION],
) -> ScriptCall[SubmittedEvaluation]:
    """Queue an evaluation.

    Raises:
        ModelNotFoundError: the model was deleted.
        DatasetNotFoundError: the dataset was deleted.
        IdempotencyMismatchError: the key was used with another model, dataset or split.
        QueueFullError: `queue_limit` items of its lane are queued already.
    """
    body = json.dumps([new.model, new.dataset, new.split])
    arguments = {
        **submission_arguments(
            Kind.EVALUATION,
            new_evaluation_id(),
            name=new.model_name,
            project=new.project,
            created_by=new.created_by,
            idempotency=Idempotency(idempotency_key, body) if idempotency_key else None,
            queue_limit=queue_limit,
            schema_version=VERSION_WITH_EVALUATIONS,
        ),
        "model": new.model,
        "dataset": new.dataset,
        "is_uploaded": new.is_uploaded or None,
        "split": new.split,
    }

    def read(reply: Reply) -> SubmittedEvaluation:
        _, text, is_replay = read_submitted(reply)
        return SubmittedEvaluation(EvaluationRun.model_validate_json(text), is_replay)

    return QUEUE_SCRIPTS.call("evaluations/submit", arguments, read)


def get_evaluation(evaluation_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[EvaluationRun]:
    """Read one evaluation.

    Raises:
        JobNotFoundError: no work item has this id.
    """
    arguments = {"item_id": evaluation_id, "project": project}
    return QUEUE_SCRIPTS.call(
        "reads/get", arguments, lambda reply: EvaluationRun.model_validate_json(reply[0])
    )


def list_evaluations(
    model: str, *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[Sequence[EvaluationRun]]:
    """List at most `limit` evaluations of a model, newest first."""
    arguments = {
        "limit": limit,
        "after": after,
        "budget": limit,
        "indexes": [scoped(project, redis_keys.EVALUATIONS_OF_MODEL) + model],
    }
    return QUEUE_SCRIPTS.call(
        "reads/list_items",
        arguments,
        lambda reply: [EvaluationRun.model_validate_json(text) for text in reply[1:]],
    )


def succeed_evaluation(evaluation_id: str, attempt_id: str, result: EvaluationResult) -> ScriptCall[Status]:
    """End an evaluation whose files are in storage.

    Raises:
        StaleAttemptError: the attempt no longer holds the evaluation.
        WrongStateError: the evaluation is being cancelled.
        ModelNotFoundError: the model was deleted meanwhile.
    """
    arguments = {"item_id": evaluation_id, "attempt_id": attempt_id, "result": result.model_dump_json()}
    return QUEUE_SCRIPTS.call("evaluations/succeed", arguments, read_status)
