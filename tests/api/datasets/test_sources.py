"""Datasets that a worker reads itself: from a folder, a bucket, or a server of the internet."""

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import obstore
import pytest
import redis
from obstore.store import S3Store

from api.settings import ApiSettings
from tests.api.datasets.test_resumable_uploads import stored
from tests.api.importing import running_importer
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.api.zips import zipped
from tests.ninefold.processes import eventually
from tests.s3_server import BUCKET, running_s3
from tests.worker.kinds.dataset_import.sources.tls_server import Internet, Reply, running_internet
from worker.kinds.dataset_import.sources.opening import SourceAccess
from worker.queue.import_source import SourceRules


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images that the operator allows."""
    folder = tmp_path_factory.mktemp("allowed") / "photos"
    folder.mkdir()
    (folder / "pets.zip").write_bytes(zipped())
    with zipped_open(zipped()) as archive:
        archive.extractall(folder / "pets")
    return folder


def zipped_open(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with running_s3() as environment, pytest.MonkeyPatch.context() as monkeypatch:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        yield environment


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    with running_internet(tmp_path_factory.mktemp("tls")) as internet:
        yield internet


@pytest.fixture(scope="module")
def reading(settings: ApiSettings, photos: Path) -> ApiSettings:
    roots = f"{photos},s3://{BUCKET}/allowed"
    return settings.model_copy(update={"source_roots": roots, "allow_egress": True})


@pytest.fixture(scope="module")
def reading_url(reading: ApiSettings) -> Iterator[str]:
    with running_api(reading) as url:
        yield url


@pytest.fixture
def service(
    reading: ApiSettings, reading_url: str, internet: Internet, bucket: dict[str, str], redis_url: str
) -> Iterator[httpx.Client]:
    """An API and an importer that may read from the folder, the bucket and the internet."""
    rules = SourceRules.parse(reading.source_roots, egress=True)
    with (
        httpx.Client(base_url=reading_url, timeout=60) as client,
        running_importer(reading, sources=SourceAccess(rules, internet.make_downloads)),
    ):
        yield client


def add(client: httpx.Client, source: str, name: str = "pets", **options: object) -> httpx.Response:
    return client.post("/datasets?wait_s=60", json={"name": name, "source": source, **options})


def rejection(answer: httpx.Response) -> str:
    return str(problem_in(answer, 422, "dataset_rejected")["detail"])


def test_a_folder_and_a_zip_below_an_allowed_folder_are_read(
    service: httpx.Client, photos: Path, reading: ApiSettings
) -> None:
    answer = add(service, f"file://{photos}/pets")
    assert answer.status_code == 201, answer.text
    dataset = answer.json()
    assert (dataset["images"], dataset["source"]) == (12, f"file://{photos}/pets")
    assert add(service, f"file://{photos}/pets.zip", "zipped").json()["id"] == dataset["id"]
    assert service.get("/datasets/pets").json()["source"] == f"file://{photos}/pets"
    eventually(lambda: stored(reading) == [], 60, "no copy is left")
    assert (photos / "pets.zip").exists()


def test_options_belong_into_the_body_and_unknown_fields_are_refused(
    service: httpx.Client, photos: Path
) -> None:
    source = f"file://{photos}/pets"
    problem_in(add(service, source, label_colum="x"), 422, "invalid_request")
    problem_in(service.post("/datasets?name=a", json={"source": source}), 422, "invalid_request")
    problem_in(add(service, source, "digits"), 409, "dataset_name_taken")
    problem_in(service.post("/datasets?wait_s=1", content=zipped()), 422, "invalid_request")


def test_what_lies_elsewhere_is_not_read(service: httpx.Client, photos: Path, tmp_path: Path) -> None:
    for source in ("file:///etc", f"file://{photos}/../x", "s3://bucket/other", "ftp://host/x"):
        detail = problem_in(add(service, source), 422, "invalid_request")["errors"][0]
        assert detail["param"] == "source"
    secret = tmp_path / "elsewhere"
    with zipped_open(zipped()) as archive:
        archive.extractall(secret)
    links = photos / "links"
    links.mkdir()
    (links / "out").symlink_to(secret)
    assert "leads out of the folders" in rejection(add(service, f"file://{photos}/links/out", "out"))
    for label in ("cat", "dog"):
        (links / label).mkdir()
        for picture in sorted((photos / "pets" / label).iterdir())[1:]:
            os.link(picture, links / label / picture.name)
        (links / label / "linked.png").symlink_to(secret / label / "0.png")
    (links / "ant").symlink_to(secret / "cat")
    dataset = add(service, f"file://{photos}/links", "linked", min_images=3).json()
    assert (dataset["images"], dataset["classes"]) == (10, ["cat", "dog"])
    assert any("link out of the folders" in skipped["reason"] for skipped in dataset["skipped"])


def test_a_path_that_the_worker_does_not_have_is_rejected_with_what_to_do(
    service: httpx.Client, photos: Path
) -> None:
    assert "must exist where they run" in rejection(add(service, f"file://{photos}/none"))


def test_a_prefix_and_a_zip_of_a_bucket_are_read(service: httpx.Client, reading: ApiSettings) -> None:
    store = S3Store(BUCKET, client_options={"allow_http": True})
    with zipped_open(zipped(classes=("ant", "bee"))) as archive:
        for name in archive.namelist():
            obstore.put(store, f"allowed/insects/{name}", archive.read(name))
    obstore.put(store, "allowed/insects.zip", zipped(classes=("ant", "bee")))
    dataset = add(service, f"s3://{BUCKET}/allowed/insects", "insects").json()
    assert (dataset["images"], dataset["classes"]) == (12, ["ant", "bee"])
    assert add(service, f"s3://{BUCKET}/allowed/insects.zip", "again").json()["id"] == dataset["id"]
    assert "nothing at this address" in rejection(add(service, f"s3://{BUCKET}/allowed/none", "none"))
    assert "nothing at this address" in rejection(add(service, f"s3://{BUCKET}/allowed/none.zip", "no-zip"))
    eventually(lambda: stored(reading) == [], 60, "no copy is left")


def test_a_zip_of_the_internet_is_read_and_a_failing_server_is_tried_again(
    service: httpx.Client, internet: Internet, reading: ApiSettings
) -> None:
    data = zipped(classes=("fox", "hen"))
    internet.server.replies = {
        "images.example/a.zip": [*[Reply(503)] * 5, Reply(body=data)],
        "images.example/page": Reply(body=b"<html>no zip</html>"),
        "images.example/down.zip": Reply(503),
    }
    dataset = add(service, "https://images.example/a.zip", "farm").json()
    assert (dataset["images"], dataset["source"]) == (12, "https://images.example/a.zip")
    assert internet.server.asked.count("images.example/a.zip") == 6
    assert "not a zip" in rejection(add(service, "https://images.example/page", "page"))
    assert "nothing at this address" in rejection(add(service, "https://images.example/none.zip", "gone"))
    assert "not public" in rejection(add(service, "https://192.168.0.1/a.zip", "private"))
    down = problem_in(add(service, "https://images.example/down.zip", "down"), 422, "source_unavailable")
    assert "Try again later" in down["detail"]
    eventually(lambda: stored(reading) == [], 60, "no copy is left")


def test_an_import_from_elsewhere_is_left_to_workers_of_this_release(
    reading_url: str, photos: Path, redis_client: redis.Redis
) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=reading_url, timeout=30))
        first = client.post("/datasets", json={"name": "later", "source": f"file://{photos}/pets"}).json()
        again = client.post("/datasets", json={"name": "later", "source": f"file://{photos}/pets"}).json()
        assert first["id"] == again["id"]
        assert redis_client.hget(f"ninefold:job:{first['id']}", "schema_version") == "3"
        assert client.delete(f"/datasets/{first['id']}").json()["status"] == "cancelled"


def test_without_the_operators_word_nothing_is_read(client: httpx.Client) -> None:
    for source in ("file:///data", "s3://bucket/x", "https://host/a.zip", "hf://owner/name"):
        detail = problem_in(add(client, source), 422, "invalid_request")["detail"]
        assert "NINEFOLD_" in str(detail)


def test_a_built_in_dataset_becomes_ones_own(client: httpx.Client, importer: None) -> None:
    body = {"name": "own", "source": "built-in://digits"}
    made = client.post("/datasets?wait_s=60", json=body, timeout=120).json()
    assert (made["status"], made["classes"]) == ("ready", list("0123456789"))
    assert made["test_counts"] == client.get("/datasets/digits").json()["test_counts"]
    assert client.get("/datasets/own/report").json()["skipped_count"] == 1797 - made["images"]
    detail = problem_in(add(client, "built-in://mnist"), 422, "invalid_request")["detail"]
    assert "digits, cifar10, cifar100, fashion-mnist" in str(detail)
