"""What only imports have: a body that is cut short, pictures that come twice, jobs that wait, and a lane of their own."""

import socket
from urllib.parse import urlsplit

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster, running_cluster
from tests.chaos.cluster.pictures import zip_of_pictures
from tests.chaos.instrumented.fault_plans import Fault
from tests.chaos.steps import CHILD_STEPS, WORKER_STEPS
from tests.ninefold.processes import eventually
from worker.queue.kinds import Kind

WITHIN_S = 60
QUICK = {(Failpoint.FINISH_RECORDED, None), (Failpoint.IMPORT_SETTLED, "raise_error")}


def send_half_of_an_upload(url: str, name: str) -> socket.socket:
    """Begin an upload and send half of its body; returns the open connection."""
    body = zip_of_pictures(seed=1, files=200)
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    head = f"POST /datasets?name={name} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body[: len(body) // 2])
    return connection


def files_of_uploads(cluster: Cluster) -> list[str]:
    """Return the uploads in storage and the files of those that are being received."""
    unfinished = [str(path) for path in cluster.storage_folder.glob(".tmp/*/*")]
    return cluster.storage.list("uploads/") + unfinished


def test_a_body_that_is_cut_short_leaves_nothing(cluster: Cluster, client: ClusterClient) -> None:
    connection = send_half_of_an_upload(cluster.urls[0], "half")
    eventually(lambda: files_of_uploads(cluster), 60, "the API receives the body")
    connection.close()
    eventually(lambda: not files_of_uploads(cluster), WITHIN_S, "nothing is left of the body")
    assert client.find_dataset("half") is None
    client.check()


def test_an_api_that_dies_in_the_middle_of_a_body_leaves_nothing(
    cluster: Cluster, client: ClusterClient
) -> None:
    """Only the file that the dead API was writing is left, until a process starts on its host."""
    with send_half_of_an_upload(cluster.urls[0], "half"):
        eventually(lambda: files_of_uploads(cluster), 60, "the API receives the body")
        cluster.restart_api(0)
    assert files_of_uploads(cluster) == []
    assert client.find_dataset("half") is None
    client.check()


def test_the_same_pictures_under_two_names_make_one_dataset(cluster: Cluster, client: ClusterClient) -> None:
    for worker in cluster.workers:
        worker.freeze()
    first, second = (client.upload(50, pictures=7) for _ in range(2))
    for worker in cluster.workers:
        worker.unfreeze()
    client.check()
    assert client.dataset(first)["id"] == client.dataset(second)["id"]


@pytest.mark.parametrize(
    ("dies_at", "fails"),
    [
        pytest.param(dies_at, fails, marks=() if (dies_at, fails) in QUICK else (pytest.mark.chaos,))
        for dies_at in (None, Failpoint.FINISH_RECORDED, Failpoint.IMPORT_SETTLED)
        for fails in (None, "raise_error")
    ],
)
def test_jobs_that_wait_for_a_dataset_follow_it(
    cluster: Cluster, client: ClusterClient, dies_at: Failpoint | None, fails: str | None
) -> None:
    """The worker may die before or after it settles the jobs: upkeep settles the rest, each job once."""
    if dies_at:
        cluster.plan("worker", dies_at, Fault.KILL)
    import_id = client.upload(50, fails=fails)
    name = client.name_of(import_id)
    job_ids = [client.submit(1, dataset=name) for _ in range(2)]
    if dies_at:
        cluster.await_worker_fault(dies_at)
    client.check()
    expected = "failed" if fails else "succeeded"
    assert [client.status(job_id) for job_id in job_ids] == [expected] * len(job_ids)


@pytest.mark.parametrize(
    ("role", "dies_at"),
    [
        pytest.param(role, step, marks=() if step is Failpoint.IMPORT_STORED else (pytest.mark.chaos,))
        for role, steps in (("worker", WORKER_STEPS), ("importer", CHILD_STEPS))
        for step in steps[Kind.DATASET_IMPORT]
    ],
)
def test_a_version_survives_the_death_of_a_process(
    cluster: Cluster, client: ClusterClient, role: str, dies_at: Failpoint
) -> None:
    first = client.upload()
    eventually(lambda: client.status(first) == "succeeded", WITHIN_S, "the dataset is ready")
    cluster.plan(role, dies_at, Fault.KILL)
    second = client.make_version(first)
    cluster.await_fault(dies_at)
    client.check()
    assert client.status(second) == "succeeded"
    assert (client.dataset(first)["version"], client.dataset(second)["version"]) == (1, 2)


@pytest.mark.chaos
def test_a_long_training_delays_no_import_where_a_light_worker_runs() -> None:
    with running_cluster(apis=1, lanes=["light", "training"]) as cluster:
        client = ClusterClient(cluster)
        try:
            long = client.submit(epochs=40)
            client.wait_for_epoch(long)
            later = client.submit(epochs=1)
            import_id = client.upload()
            client.check()
            received = cluster.history.entries("received")
            ended = [entry["item_id"] for entry in received if entry["event"] == "end"]
        finally:
            client.close()
    assert ended == [import_id, long, later]
