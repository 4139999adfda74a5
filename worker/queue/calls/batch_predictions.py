"""What only batch predictions have: submit, success, and pages of the predictions of a project or a model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from model.artifact.precision import PrecisionSetting
from model.batch_prediction.options import PredictionOptions
from worker.queue.calls.attempts import read_status
from worker.queue.calls.requests import Idempotency, read_submitted, submission_arguments
from worker.queue.kinds import QUEUE_LIMITS, VERSION_WITH_BATCH_PREDICTIONS, Kind
from worker.queue.records import BatchPrediction, EvaluatedSplit, PredictionResult
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Reply, ScriptCall


@dataclass(frozen=True, kw_only=True)
class PredictedDataset:
    """A split of a dataset, whose images shall be classified."""

    id: str
    """The id of an uploaded dataset, or the name of a built-in one."""
    is_uploaded: bool
    split: EvaluatedSplit

    @property
    def arguments(self) -> dict[str, object]:
        """The arguments of the submission."""
        return {"dataset": self.id, "is_uploaded": self.is_uploaded or None, "split": self.split}

    @property
    def identity(self) -> list[str]:
        """What a repetition of the request must have too."""
        return [self.id, self.split]


@dataclass(frozen=True, kw_only=True)
class PredictedZip:
    """A zip in storage, whose images shall be classified."""

    key: str
    size_bytes: int
    sha256: str

    @property
    def arguments(self) -> dict[str, object]:
        """The arguments of the submission."""
        return {"upload": self.key, "size_bytes": self.size_bytes}

    @property
    def identity(self) -> list[str]:
        """What a repetition of the request must have too."""
        return [self.sha256]


@dataclass(frozen=True, kw_only=True)
class NewPrediction:
    """Images to classify with a published model."""

    prediction_id: str
    model: str
    model_name: str
    images: PredictedDataset | PredictedZip
    options: PredictionOptions
    precision: PrecisionSetting = PrecisionSetting.AUTO
    created_by: str | None = None
    project: str = DEFAULT_PROJECT


@dataclass(frozen=True)
class SubmittedPrediction:
    """The answer to a submission. A repeated Idempotency-Key gets the first answer."""

    prediction: BatchPrediction
    is_replay: bool


def submit_prediction(
    new: NewPrediction,
    idempotency_key: str | None = None,
    *,
    queue_limit: int = QUEUE_LIMITS[Kind.BATCH_PREDICTION],
) -> ScriptCall[SubmittedPrediction]:
    """Queue a batch prediction.

    Raises:
        ModelNotFoundError: the model was deleted.
        DatasetNotFoundError: the dataset was deleted.
        IdempotencyMismatchError: the key was used with another request.
        QueueFullError: `queue_limit` items of its lane are queued already.
    """
    body = json.dumps([new.model, new.images.identity, new.options.asked])
    arguments = {
        **submission_arguments(
            Kind.BATCH_PREDICTION,
            new.prediction_id,
            name=new.model_name,
            project=new.project,
            created_by=new.created_by,
            idempotency=Idempotency(idempotency_key, body) if idempotency_key else None,
            queue_limit=queue_limit,
            schema_version=VERSION_WITH_BATCH_PREDICTIONS,
        ),
        "model": new.model,
        "options": new.options.model_dump_json(),
        "precision": new.precision,
        **new.images.arguments,
    }

    def read(reply: Reply) -> SubmittedPrediction:
        _, text, is_replay = read_submitted(reply)
        return SubmittedPrediction(BatchPrediction.model_validate_json(text), is_replay)

    return QUEUE_SCRIPTS.call("batch_predictions/submit", arguments, read)


def get_prediction(prediction_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[BatchPrediction]:
    """Read one batch prediction.

    Raises:
        JobNotFoundError: no work item has this id.
    """
    arguments = {"item_id": prediction_id, "project": project}
    return QUEUE_SCRIPTS.call(
        "reads/get", arguments, lambda reply: BatchPrediction.model_validate_json(reply[0])
    )


def list_predictions(
    model: str | None = None, *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[Sequence[BatchPrediction]]:
    """List at most `limit` batch predictions, newest first: of a model, by its id, or of all models."""
    key = redis_keys.PREDICTIONS if model is None else redis_keys.PREDICTIONS_OF_MODEL + model
    arguments = {"limit": limit, "after": after, "budget": limit, "indexes": [scoped(project, key)]}
    return QUEUE_SCRIPTS.call(
        "reads/list_items",
        arguments,
        lambda reply: [BatchPrediction.model_validate_json(text) for text in reply[1:]],
    )


def succeed_prediction(prediction_id: str, attempt_id: str, result: PredictionResult) -> ScriptCall[Status]:
    """End a batch prediction whose rows are in storage.

    Raises:
        StaleAttemptError: the attempt no longer holds the prediction.
        WrongStateError: the prediction is being cancelled.
    """
    arguments = {"item_id": prediction_id, "attempt_id": attempt_id, "result": result.model_dump_json()}
    return QUEUE_SCRIPTS.call("batch_predictions/succeed", arguments, read_status)
