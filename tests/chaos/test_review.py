"""An API may die while a review is labelled and its dataset version is made: no label is lost, and one version is made."""

import pytest

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.pictures import CLASSES
from tests.chaos.cluster.retrying_http import RetryingHttp
from tests.chaos.instrumented.fault_plans import Fault
from tests.model.pictures import png
from tests.ninefold.processes import eventually
from tests.worker.samples import draft
from worker.queue.ids import new_model_id, new_review_id
from worker.registry.model_registry import ModelRegistry
from worker.registry.models import PRODUCTION
from worker.registry.review.records import NewReviewImage, ReviewScore, image_key

pytestmark = pytest.mark.chaos

IMAGES = 6
DEATHS = [
    (Failpoint.PUT_BEGUN, 1),
    (Failpoint.PUT_DURABLE, 1),
    (Failpoint.SUBMIT_RECORDED, 1),  # the import
    (Failpoint.SUBMIT_WAKE_UP_SENT, 1),
    (Failpoint.SUBMIT_RECORDED, 2),  # the job
]


def put_into_production(cluster: Cluster, name: str, dataset: dict[str, object]) -> None:
    """Register a model that was trained on a dataset; no process of a cluster reads its weights."""
    reference = {key: dataset[key] for key in ("id", "name", "content_hash")}
    facts = draft(new_model_id(), name) | {"version": 1, "dataset": reference, "classes": list(CLASSES)}
    model = Manifest.model_validate(facts)
    text = model.model_dump_json()
    cluster.storage.put_bytes(model_key(model.id, MANIFEST_FILE), text.encode())
    registry = ModelRegistry(cluster.store.redis)
    registry.register(text)
    registry.set_alias(name, PRODUCTION, 1, None)


def keep_images(cluster: Cluster, name: str) -> list[str]:
    """Keep images for the review, as the API does after it has answered; return their ids."""
    ids = [new_review_id() for _ in range(IMAGES)]
    for number, image_id in enumerate(ids):
        data = png(900_000 + number)
        cluster.storage.put_bytes(image_key(name, image_id), data)
        image = NewReviewImage(
            id=image_id,
            sha256=f"{number:064}",
            size_bytes=len(data),
            model="mdl_1",
            version=1,
            scores=[ReviewScore(label="cat", score=0.5)],
        )
        ModelRegistry(cluster.store.redis).keep_image(name, image, missed=0, max_bytes=2**30)
    return ids


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("dies_at", "nth"), DEATHS)
def test_no_label_is_lost_and_one_version_is_made(
    cluster: Cluster, client: ClusterClient, dies_at: Failpoint, nth: int
) -> None:
    import_id = client.upload(40)
    eventually(lambda: client.dataset(import_id)["status"] == "ready", 60, "the dataset is ready")
    dataset = client.dataset(import_id)
    name = f"reviewed-{import_id[-12:]}"
    put_into_production(cluster, name, dataset)
    http = RetryingHttp(cluster.urls)
    assert http.request("PUT", f"/models/{name}/review", json={"below": 0.9}).is_success
    labels = {image_id: CLASSES[number % 2] for number, image_id in enumerate(keep_images(cluster, name))}
    for number, (image_id, label) in enumerate(labels.items()):
        address = f"/models/{name}/review/images/{image_id}"
        assert http.request("POST", address, json={"label": label}).json()["given"] == label
        if number == IMAGES // 2:
            cluster.apis[0].restart()

    cluster.plan("api", dies_at, Fault.KILL, nth=nth)
    key = {"Idempotency-Key": f"once-{name}"}
    made = http.request("POST", f"/models/{name}/review/dataset", json={"train": True}, headers=key)
    assert made.status_code == 202, made.text
    assert cluster.await_fault(dies_at)
    cluster.repair()
    eventually(lambda: http.read(f"/models/{name}/review")["used"] == IMAGES, 60, "the version is made")

    versions = http.read_all(f"/datasets/{dataset['name']}/versions")
    assert [version["version"] for version in versions] == [2, 1]
    assert sum(versions[0]["train_counts"]) == sum(dataset["train_counts"]) + IMAGES
    added = [new - old for new, old in zip(versions[0]["train_counts"], dataset["train_counts"], strict=True)]
    assert added == [IMAGES // 2, IMAGES // 2]
    assert cluster.storage.list(f"reviews/{name}/") == []
    jobs = http.read_all("/jobs", name=name)
    assert [job["id"] for job in jobs] == [made.json()["job"]]
    http.request("POST", f"/jobs/{jobs[0]['id']}/cancel")
    http.close()
