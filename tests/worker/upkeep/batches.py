"""Batch predictions that ended in each way, or did not, with the objects that each has in storage then."""

from collections.abc import Callable

from model.artifact.precision import Precision
from model.batch_prediction.options import PredictionOptions
from model.batch_prediction.rows import rows_key
from tests.worker.imported import claim_import
from tests.worker.samples import publish
from worker.queue.calls.batch_predictions import NewPrediction, PredictedZip
from worker.queue.ids import new_prediction_id, upload_key
from worker.queue.records import JobError, PredictionResult
from worker.queue.states import Outcome
from worker.queue.store import JobStore

RESULT = PredictionResult(images=1, failed=0, abstained=0, labels={"cat": 1}, precision=Precision.INT8)


def make_batches(store: JobStore, put: Callable[[str], object]) -> dict[str, str]:
    """Make a batch that succeeded, one that failed, one that runs and one that is queued; return their ids."""
    model_id, ids = publish(store), {}
    for state in ("succeeded", "failed", "running", "queued"):
        ids[state] = prediction_id = new_prediction_id()
        put(upload_key(prediction_id))
        images = PredictedZip(key=upload_key(prediction_id), size_bytes=5, sha256="0" * 64)
        store.submit_prediction(
            NewPrediction(
                prediction_id=prediction_id,
                model=model_id,
                model_name="digits",
                images=images,
                options=PredictionOptions(),
            )
        )
        if state == "queued":
            continue
        claimed_id, attempt_id = claim_import(store)
        assert claimed_id == prediction_id
        put(rows_key(prediction_id, 0))
        if state == "succeeded":
            store.succeed_prediction(prediction_id, attempt_id, RESULT)
        if state == "failed":
            store.finish(
                prediction_id, attempt_id, Outcome.FAILED, JobError(code="images_rejected", message="No zip.")
            )
    return ids
