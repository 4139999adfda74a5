"""`model=job_…`: a job answers with its best epoch so far."""

import hashlib
import json
from collections.abc import Iterator

import numpy as np
import pytest
from safetensors.torch import save
from tritonclient.http import InferenceServerClient, InferInput

from model.artifact.checkpointed import SERVING, ServingFacts
from model.artifact.manifest import DatasetReference, Preprocessing
from model.data.built_in.facts import BUILT_IN
from model.network.resnet9 import published_weights
from model.spec import Resize
from model.storage.opening import open_storage
from tests.api.pictures import png
from tests.api.published import IMAGE_SIZE, random_network
from tests.api.serving import Service, running_service
from tests.worker.samples import make_job, make_spec
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import checkpoints_prefix, new_attempt_id
from worker.queue.records import Checkpoint
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server.connection import connect

DIGITS = BUILT_IN["digits"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        yield service


def _save_best_epoch(service: Service, job_id: str, epoch: int) -> str:
    """Store the parts of a checkpoint that classifying needs."""
    facts = ServingFacts(
        dataset=DatasetReference(id="digits", name="digits", content_hash="0"),
        classes=DIGITS.classes,
        preprocessing=Preprocessing(
            image_size=IMAGE_SIZE, resize=Resize.SQUASH, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)
        ),
    )
    header = {
        "spec": make_spec().first_release_json(),
        "best": json.dumps({"epoch": epoch}),
        SERVING: facts.model_dump_json(),
    }
    weights = published_weights(random_network(10, seed=epoch))
    data = save({f"best/{name}": tensor.contiguous() for name, tensor in weights.items()}, header)
    key = f"{checkpoints_prefix(job_id)}/1/epoch-{epoch:04d}-step-000000-{hashlib.sha256(data).hexdigest()}.safetensors"
    open_storage(service.storage_url).put_bytes(key, data)
    return key


def test_a_running_job_answers_with_its_best_epoch_so_far(service: Service) -> None:
    store = JobStore(connect(service.redis_url))
    job_id = store.submit(make_job()).job.id
    attempt_id = new_attempt_id()
    assert isinstance(store.claim("host:1", attempt_id), ClaimedJob)

    def predict(**parameters: str) -> tuple[int, dict[str, object]]:
        response = service.client.post("/predict", params={"model": job_id, **parameters}, content=png())
        return response.status_code, response.json()

    status, problem = predict()
    assert (status, problem["code"]) == (409, "no_checkpoint")
    for epoch in (1, 2):
        key = _save_best_epoch(service, job_id, epoch)
        checkpoint = Checkpoint(key=key, epoch=epoch, step=0, best_key=key)
        store.report(job_id, attempt_id, 2 * epoch, TrainingReport(checkpoint=checkpoint))
        status, answer = predict()
        assert status == 200, answer
        assert answer["model"] == {
            "id": job_id,
            "name": "digits",
            "version": None,
            "alias": None,
            "epoch": epoch,
            "min_scores": {},
            "precision": "float32",
        }
    _check_other_doors(service, job_id)
    for parameters in ({"explain": "true"}, {"coverage": "0.9"}):
        status, problem = predict(**parameters)
        assert (status, problem["code"]) == (422, "needs_model")
    assert predict(tta="true")[1]["code"] == "tta_unavailable"  # digits are not mirrored

    open_storage(service.storage_url).delete(checkpoints_prefix(job_id))
    store.cancel(job_id)
    store.finish(job_id, attempt_id, Outcome.CANCELLED)
    status, problem = predict()
    assert (status, problem["code"]) == (409, "no_checkpoint")
    assert "cancelled" in str(problem["detail"])


def _check_other_doors(service: Service, job_id: str) -> None:
    """Hugging Face's route and the Open Inference Protocol answer with the same scores."""
    expected = service.client.post("/predict", params={"model": job_id, "top_k": 10}, content=png()).json()
    scores = {score["label"]: score["score"] for score in expected["predictions"][0]["scores"]}
    best = service.client.post(f"/models/{job_id}", content=png()).json()
    assert best == expected["predictions"][0]["scores"][:5]

    with InferenceServerClient(service.client.base_url.netloc.decode()) as client:
        assert client.is_model_ready(job_id)
        assert client.get_model_metadata(job_id)["outputs"][0]["shape"] == [-1, 10]
        image = InferInput("image", [1], "BYTES")
        image.set_data_from_numpy(np.array([png()], dtype=object))
        result = client.infer(job_id, [image])
    assert np.allclose(result.as_numpy("probabilities"), [[scores[label] for label in DIGITS.classes]])
    assert result.get_response()["model_name"] == job_id
    assert result.get_response()["model_version"] == "2"


@pytest.mark.parametrize("path", ["/predict?model={}", "/models/{}", "/v2/models/{}/infer"])
def test_an_unknown_job_is_not_found(service: Service, path: str) -> None:
    response = service.client.post(path.format(f"job_{'0' * 26}"), content=png())
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
