"""Reads the reply to a claim: one class for each kind of work. Sends nothing itself."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from model.artifact.precision import PrecisionSetting
from model.batch_prediction.options import PredictionOptions
from model.data.import_options import ImportOptions
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from worker.errors import ClaimUnreadableError
from worker.queue.attempt_messages import (
    Claimed,
    ClaimedBatchPrediction,
    ClaimedEvaluation,
    ClaimedImport,
    ClaimedJob,
    ClaimedModelImport,
    Committed,
)
from worker.queue.kinds import Kind
from worker.queue.records import Attempt, Checkpoint, EvaluatedSplit, Transition
from worker.queue.states import Outcome, Status
from worker.redis_server.scripts import Reply

_TRANSITIONS = TypeAdapter(list[Transition])
_ATTEMPTS = TypeAdapter(list[Attempt])


def read_claimed(reply: Reply) -> Claimed | None:
    """Parse the names and values of a claimed item; None when nothing was claimed.

    Raises:
        ClaimUnreadableError: the item was written by another version of Ninefold.
    """
    if not reply:
        return None
    fields = dict(zip(reply[::2], reply[1::2], strict=True))
    try:
        common: dict[str, Any] = {
            "item_id": fields["id"],
            "kind": Kind(fields["kind"]),
            "project": fields["project"],
            "name": fields["name"],
            "attempt_number": int(fields["attempt_number"]),
            "created_by": json.loads(fields["created_by"]),
        }
        return _READERS[common["kind"]](common, fields)
    except (KeyError, ValueError, ValidationError) as error:
        raise ClaimUnreadableError(fields["id"], f"{type(error).__name__}: {error}") from error


def _read_job(common: dict[str, Any], fields: Mapping[str, str]) -> Claimed:
    attempts = _ATTEMPTS.validate_json(f"[{fields.get('attempts', '')}]")
    return ClaimedJob(
        **common,
        spec=_read_spec(fields["spec"], fields.get("later_settings", "{}")),
        recipe=ResolvedRecipe.model_validate_json(fields["recipe"]) if "recipe" in fields else None,
        checkpoint=Checkpoint.model_validate_json(fields["checkpoint"]) if "checkpoint" in fields else None,
        should_stop="stop" in fields,
        memory_deaths=sum(attempt.outcome is Outcome.OUT_OF_MEMORY for attempt in attempts),
        pauses=_pauses(_TRANSITIONS.validate_json(fields["transitions"])),
        committed=_committed(fields),
    )


def _committed(fields: Mapping[str, str]) -> Committed | None:
    if "manifest" not in fields:
        return None
    return read_committed([fields["model_version"], fields["manifest"]])


def _read_spec(spec_json: str, later_settings: str) -> ResolvedSpec:
    return ResolvedSpec.model_validate_json(json.dumps(json.loads(spec_json) | json.loads(later_settings)))


def _pauses(transitions: list[Transition]) -> tuple[tuple[float, float], ...]:
    return tuple(
        (paused.at.timestamp(), following.at.timestamp())
        for paused, following in pairwise(transitions)
        if paused.status is Status.PAUSED
    )


def read_committed(reply: Reply) -> Committed:
    """Parse the version and the manifest of a committed model."""
    return Committed(int(reply[0]), json.loads(reply[1]), reply[1])


def _read_import(common: dict[str, Any], fields: Mapping[str, str]) -> Claimed:
    return ClaimedImport(
        **common,
        upload=fields.get("upload"),
        source=json.loads(fields["source"]) if "source" in fields else None,
        created_at=datetime.fromisoformat(fields["created_at"]),
        expected_id=fields.get("expected_id"),
        options=ImportOptions.model_validate_json(fields.get("import_options", "{}")),
        parent=fields.get("parent"),
        note=json.loads(fields["note"]) if "note" in fields else None,
    )


def _read_evaluation(common: dict[str, Any], fields: Mapping[str, str]) -> Claimed:
    return ClaimedEvaluation(
        **common, model=fields["model"], dataset=fields["dataset"], split=EvaluatedSplit(fields["split"])
    )


def _read_model_import(common: dict[str, Any], fields: Mapping[str, str]) -> Claimed:
    return ClaimedModelImport(**common, upload=fields["upload"], committed=_committed(fields))


def _read_batch_prediction(common: dict[str, Any], fields: Mapping[str, str]) -> Claimed:
    return ClaimedBatchPrediction(
        **common,
        model=fields["model"],
        dataset=fields.get("dataset"),
        split=EvaluatedSplit(fields["split"]) if "split" in fields else None,
        upload=fields.get("upload"),
        options=PredictionOptions.model_validate_json(fields["options"]),
        precision=PrecisionSetting(fields["precision"]),
    )


_READERS: Mapping[Kind, Callable[[dict[str, Any], Mapping[str, str]], Claimed]] = {
    Kind.TRAINING: _read_job,
    Kind.DATASET_IMPORT: _read_import,
    Kind.EVALUATION: _read_evaluation,
    Kind.MODEL_IMPORT: _read_model_import,
    Kind.BATCH_PREDICTION: _read_batch_prediction,
}
