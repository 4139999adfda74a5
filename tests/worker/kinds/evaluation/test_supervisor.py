"""One attempt at an evaluation, with a real store, real evaluating processes, and some that fail in every known way."""

from pathlib import Path

import numpy as np
import pytest

from model.artifact.manifest import model_key
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE, Evaluation
from model.evaluation.stored_predictions import PREDICTIONS_FILE, parse_predictions
from model.host.failpoints import Failpoint
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.kinds.evaluation.samples import TESTED, TRAINED, make_dataset, make_model, submit
from tests.worker.processes import wait_until
from tests.worker.worker_context import BackgroundAttempt, acting_at, open_evaluation_context, run_next
from worker.errors import IdempotencyMismatchError, ModelNotFoundError
from worker.queue.calls.evaluations import NewEvaluation
from worker.queue.ids import evaluation_file
from worker.queue.records import EvaluatedSplit, JobError
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.deletion import delete_model_files
from worker.registry.model_registry import ModelRegistry

FAILING = "failing_evaluator"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def files_of(storage: Storage, model_id: str) -> list[str]:
    return [key for key in storage.list(f"models/{model_id}/") if "/evaluations/" in key]


def test_a_model_is_evaluated_on_the_classes_that_it_shares_with_a_dataset_also_after_attempts_that_died(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    model = make_model(store, tmp_path)
    facts = make_dataset(store, tmp_path, "class-1", "class-2", "something else")
    run_id = submit(store, model, facts.id)
    for how in ("crash", "storage_error"):
        with open_evaluation_context(store, tmp_path, (FAILING, how)) as context:
            assert run_next(context).outcome is Outcome.CRASHED
        assert store.get_evaluation(run_id).status is Status.QUEUED
    with open_evaluation_context(store, tmp_path) as context:
        ended = run_next(context)
    assert (ended.outcome, ended.has_begun) == (Outcome.SUCCEEDED, True)
    run = store.get_evaluation(run_id)
    assert (run.status, run.model, run.dataset, run.split) == (Status.SUCCEEDED, model.id, facts.id, "test")
    assert run.progress is not None
    assert (run.progress.images, run.progress.fraction) == (2 * TESTED, 1.0)
    assert run.result is not None
    assert run.result.images == 2 * TESTED
    assert run.result.unknown_classes == {"something else": TESTED}
    assert [attempt.outcome for attempt in run.attempts] == ["crashed", "crashed", "succeeded"]
    assert len(files_of(storage, model.id)) == 2
    data = storage.read_bytes(model_key(model.id, evaluation_file(run_id, PREDICTIONS_FILE)))
    predictions = parse_predictions(data, 3)
    stored = Evaluation.model_validate_json(
        storage.read_bytes(model_key(model.id, evaluation_file(run_id, EVALUATION_FILE)))
    )
    unknown = run.result.unknown_classes
    again = evaluate(predictions, model.classes, model.temperature, stored.dataset, unknown_classes=unknown)
    assert again == stored.model_copy(update={"training_overlap": None})
    overlap = run.result.training_overlap  # nothing is known of the dataset of the model
    assert overlap == stored.training_overlap
    assert (
        overlap and (overlap.trained_on, overlap.is_complete, overlap.unseen and overlap.unseen.images)
    ) == (0, False, 2 * TESTED)
    assert stored.accuracy == run.result.accuracy
    assert [one.support for one in stored.classes] == [0, TESTED, TESTED]
    assert np.bincount(predictions.labels_N).tolist() == [0, TESTED, TESTED]


@pytest.mark.chaos  # in every run tests/browser/test_model_page.py evaluates a model on all images of a dataset
def test_all_images_can_be_evaluated(store: JobStore, tmp_path: Path) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "class-1")
    run_id = submit(store, model, facts.id, EvaluatedSplit.ALL)
    with open_evaluation_context(store, tmp_path) as context:
        run_next(context)
    result = store.get_evaluation(run_id).result
    assert result is not None
    assert result.images == 2 * (TESTED + TRAINED)


def test_without_a_common_class_the_evaluation_fails_and_says_what_to_do(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "cat", "dog")
    run_id = submit(store, model, facts.id)
    with open_evaluation_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.FAILED
    run = store.get_evaluation(run_id)
    assert run.error is not None
    assert run.error.code == "no_common_class"
    assert "'class-0', 'class-1', 'class-2', the dataset 'cat', 'dog'" in run.error.message
    assert files_of(storage, model.id) == []


def test_a_model_that_is_deleted_meanwhile_leaves_no_files(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    """An API of an earlier release, which knows no evaluations, deletes a model although one needs it."""
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "class-1")
    run_id = submit(store, model, facts.id)

    def delete() -> None:
        store.redis.zrem(redis_keys.MODELS, model.id)
        delete_model_files(storage, model.id)
        ModelRegistry(store.redis).end_deletion(model.id)

    with (
        open_evaluation_context(store, tmp_path) as context,
        acting_at(Failpoint.CLAIM_CHILD_STARTED, delete),
    ):
        assert run_next(context).outcome is Outcome.FAILED
    run = store.get_evaluation(run_id)
    assert run.error == JobError(
        code="model_not_found", message="The model was deleted before its evaluation ended."
    )
    assert storage.list(f"models/{model.id}/") == []
    with pytest.raises(ModelNotFoundError):
        submit(store, model, facts.id)


def test_three_deaths_fail_it(store: JobStore, tmp_path: Path) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "class-1")
    run_id = submit(store, model, facts.id)
    with open_evaluation_context(store, tmp_path, (FAILING, "crash")) as context:
        for _ in range(3):
            run_next(context)
    run = store.get_evaluation(run_id)
    assert (run.status, run.error and run.error.code) == (Status.FAILED, "crashed_repeatedly")


def test_a_cancel_ends_it(store: JobStore, tmp_path: Path) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "class-1")
    waiting, run_id = (submit(store, model, facts.id) for _ in range(2))
    store.cancel_item(waiting)
    assert store.get_evaluation(waiting).status is Status.CANCELLED
    with open_evaluation_context(store, tmp_path, (FAILING, "hang")) as context:
        attempt = BackgroundAttempt(context)
        wait_until(lambda: "hanging" in store.logs(run_id))
        store.cancel_item(run_id)
        assert attempt.outcome() is Outcome.CANCELLED
    assert store.get_evaluation(run_id).status is Status.CANCELLED
    assert [run.id for run in store.list_evaluations(model.id)] == [run_id, waiting]
    assert store.list_evaluations("mdl_other") == []


def test_a_time_limit_ends_it(store: JobStore, tmp_path: Path) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "class-1")
    run_id = submit(store, model, facts.id)
    with open_evaluation_context(store, tmp_path, (FAILING, "hang"), timeout_s=0.5) as context:
        assert run_next(context).outcome is Outcome.FAILED
    run = store.get_evaluation(run_id)
    assert run.error is not None
    assert (run.error.code, "NINEFOLD_EVALUATION_TIMEOUT_S" in run.error.message) == (
        "evaluation_too_slow",
        True,
    )


def test_a_repeated_key_gets_the_first_evaluation(store: JobStore, tmp_path: Path) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "class-1")
    new = NewEvaluation(model=model.id, model_name=model.name, dataset=facts.id, is_uploaded=True)
    first, second = (store.submit_evaluation(new, "key") for _ in range(2))
    assert (first.run.id, first.is_replay, second.run.id, second.is_replay) == (
        first.run.id,
        False,
        first.run.id,
        True,
    )
    other = NewEvaluation(model=model.id, model_name=model.name, dataset="digits", is_uploaded=False)
    with pytest.raises(IdempotencyMismatchError):
        store.submit_evaluation(other, "key")
