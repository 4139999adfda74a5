"""Everything that users and workers do to the records of a service, each as a call that `run` may repeat."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model.artifact.precision import Precision
from model.batch_prediction.options import PredictionOptions
from tests.worker.imported import dataset_record, entry_of, new_import
from tests.worker.samples import draft, make_job, make_spec, new_evaluation, row
from worker.queue.attempt_messages import Report, TrainingReport
from worker.queue.calls import (
    attempts,
    batch_predictions,
    evaluations,
    imports,
    model_imports,
    requests,
    trainings,
    uploads,
)
from worker.queue.calls.requests import Idempotency
from worker.queue.ids import new_attempt_id, new_model_import_id, new_prediction_id
from worker.queue.records import (
    Checkpoint,
    EvaluatedSplit,
    EvaluationResult,
    JobError,
    PredictionResult,
    Progress,
)
from worker.queue.states import Outcome, Phase, Status
from worker.redis_server.clients import Operation
from worker.registry.review import calls as review
from worker.registry.review.records import KeptAnswers, NewReviewImage, ReviewScore, VersionJob, VersionPlan

Run = Callable[[Operation[Any]], Any]


def claim(run: Run) -> tuple[str, str]:
    attempt_id = new_attempt_id()
    return run(attempts.claim("host:1", attempt_id)).item_id, attempt_id


def publish(run: Run) -> tuple[str, str]:
    """Run a job through every request and every call of its attempts; return the ids of the job and its model."""
    submitted = run(trainings.submit(make_job(), Idempotency("key", "body")))
    assert not submitted.is_replay
    job_id = submitted.job_id
    run(requests.pause(job_id))
    run(requests.resume(job_id))
    _, attempt_id = claim(run)
    checkpoint = Checkpoint(key="checkpoints/a", epoch=1, step=0)
    run(attempts.renew(job_id, attempt_id))
    run(attempts.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1),), checkpoint=checkpoint)))
    progress = Progress(epoch=2, epochs=3, fraction=0.5)
    run(attempts.report(job_id, attempt_id, 2, TrainingReport(progress=progress)))
    run(requests.pause(job_id))
    run(attempts.requeue(job_id, attempt_id, Outcome.PAUSED))
    run(trainings.stop(job_id))
    _, attempt_id = claim(run)
    model_id = run(trainings.commit_publish(job_id, attempt_id, draft())).manifest["id"]
    run(trainings.succeed(job_id, attempt_id))
    return job_id, model_id


def import_and_wait(run: Run) -> None:
    """Import a dataset, for which one job waits with success and one waits for an import that is rejected."""
    dataset, rejected = (run(imports.submit_import(new_import(name))) for name in ("pets", "cats"))
    waiting = [
        run(trainings.submit(replace(make_job(dataset=name), waits_for=of.dataset_import.id))).job_id
        for name, of in (("pets", dataset), ("cats", rejected))
    ]
    import_id, attempt_id = claim(run)
    run(attempts.report(import_id, attempt_id, 1, Report(phase=Phase.READING)))
    entry = entry_of(dataset_record())
    run(imports.note_dataset(import_id, attempt_id, "ds_1"))
    assert run(imports.succeed_import(import_id, attempt_id, "ds_1", entry)) is Status.SUCCEEDED
    run(trainings.release_waiting(waiting[0], import_id, make_spec(dataset="ds_1"), ()))
    import_id, attempt_id = claim(run)
    why = JobError(code="dataset_rejected", message="no images")
    assert run(attempts.finish(import_id, attempt_id, Outcome.FAILED, why)) is Status.FAILED
    run(trainings.reject_waiting(waiting[1], import_id, why))
    run(imports.note_settled(import_id))


def evaluate(run: Run, model_id: str) -> None:
    """Evaluate a model on a built-in dataset."""
    new = new_evaluation(model_id)
    submitted = run(evaluations.submit_evaluation(new, "evaluation")).run
    evaluation_id, attempt_id = claim(run)
    assert evaluation_id == submitted.id
    found = EvaluationResult(accuracy=1, ci95=(0.9, 1), images=9, unknown_classes={}, files={})
    assert run(evaluations.succeed_evaluation(evaluation_id, attempt_id, found)) is Status.SUCCEEDED


def predict(run: Run, model_id: str) -> None:
    """Classify the images of a built-in dataset."""
    images = batch_predictions.PredictedDataset(id="digits", is_uploaded=False, split=EvaluatedSplit.TEST)
    new = batch_predictions.NewPrediction(
        prediction_id=new_prediction_id(),
        model=model_id,
        model_name="demo",
        images=images,
        options=PredictionOptions(),
    )
    assert run(batch_predictions.submit_prediction(new, "batch")).prediction.id == new.prediction_id
    prediction_id, attempt_id = claim(run)
    totals = PredictionResult(images=9, failed=0, abstained=0, labels={"0": 9}, precision=Precision.INT8)
    assert run(batch_predictions.succeed_prediction(prediction_id, attempt_id, totals)) is Status.SUCCEEDED


def import_model(run: Run) -> str:
    """Import a model; return its id."""
    new = model_imports.NewModelImport(new_model_import_id(), "imported", 1, "0" * 64)
    assert run(model_imports.submit_model_import(new, "bundle")).model_import.id == new.import_id
    import_id, attempt_id = claim(run)
    manifest = {**draft(), "id": "mdl_imported", "name": "imported"}
    committed = run(model_imports.commit_model_import(import_id, attempt_id, "imported", manifest))
    assert committed.version == 1
    assert run(model_imports.succeed_model_import(import_id, attempt_id)) is Status.SUCCEEDED
    return "mdl_imported"


def upload_and_forget(run: Run) -> None:
    """Receive two parts of an upload, then delete the upload."""
    record = uploads.UploadRecord(name="birds")
    upload_id = run(uploads.create_upload("upl_1", record, 30, idempotency_key="upload"))
    for offset, key in ((0, "uploads/a"), (10, "uploads/b")):
        part = uploads.UploadPart(key=key, size_bytes=10, sha256="00")
        assert run(uploads.append_part(upload_id, offset, part)) == offset + 10
    assert run(uploads.delete_upload(upload_id)) is True


def review_twice(run: Run) -> None:
    """Review two images of which one is used; then they are too old."""
    settings = KeptAnswers(below=0.5, fraction=1, max_images=2, max_days=1)
    assert run(review.configure_review("digits", settings, 100)) == []
    for number in range(3):
        image = NewReviewImage(
            id=f"rev_{number}",
            sha256=str(number),
            size_bytes=9,
            model="mdl_1",
            version=1,
            scores=[ReviewScore(label="zero", score=0.4)],
        )
        dropped = run(review.keep_image("digits", image, missed=1, max_bytes=100))
        assert dropped == (["rev_0"] if number == 2 else [])
    labelled = run(review.label_image("digits", "rev_1", "zero", "bob"))
    assert labelled.label.label == "zero"
    plan = VersionPlan(
        import_id="imp_1",
        parent="ds_1",
        name="pets",
        model="mdl_1",
        note=None,
        by="bob",
        train=True,
        key=None,
    )
    assert run(review.take_labelled("digits", plan)).labels == {"rev_1": "zero"}
    assert run(review.settle_version("digits", "imp_1", is_made=True)) == ["rev_1"]
    run(review.note_version_job("digits", VersionJob(import_id="imp_1", job="job_1")))
    state = run(review.review_state("digits"))
    assert (state.job_of(state.made), state.making) == ("job_1", None)
    assert (state.waiting, state.taken, state.used, state.missed, state.image_bytes) == (1, 0, 1, 3, 9)
    assert run(review.trim_review("digits", 8)) == (False, ["rev_2"])
    run(review.end_review("digits"))
