"""/datasets over real HTTP with the real import process."""

import io
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.settings import ApiSettings
from tests.api.pictures import png
from tests.api.problems import problem_in
from tests.api.serving import running_api


def zipped(images_a_class: int = 6, classes: tuple[str, ...] = ("cat", "dog"), **files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for label in classes:
            for number in range(images_a_class):
                archive.writestr(f"{label}/{number}.png", _picture(label, number))
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def _picture(label: str, number: int) -> bytes:
    from PIL import Image  # noqa: PLC0415

    file = io.BytesIO()
    Image.new("RGB", (16, 16), (number * 20, len(label) * 40 % 256, ord(label[0]))).save(file, "PNG")
    return file.getvalue()


def leftovers(settings: ApiSettings) -> list[Path]:
    return [path for path in (settings.cache_dir / "uploads").rglob("*") if path.is_file()]


def test_a_zip_becomes_a_dataset_that_jobs_can_use(client: httpx.Client, settings: ApiSettings) -> None:
    response = client.post("/datasets?name=pets", content=zipped())
    assert response.status_code == 201, response.text
    dataset = response.json()
    assert response.headers["location"] == f"/datasets/{dataset['id']}"
    assert (dataset["name"], dataset["status"], dataset["classes"]) == ("pets", "ready", ["cat", "dog"])
    assert sum(dataset["train_counts"]) + sum(dataset["test_counts"]) == dataset["images"] == 12
    assert dataset["created_by"] == "anonymous"
    for ref in ("pets", dataset["id"]):
        assert client.get(f"/datasets/{ref}").json() == dataset
        job = client.post("/jobs", json={"dataset": ref})
        assert (job.status_code, job.json()["name"]) == (202, "pets")
        assert job.json()["spec"]["dataset"] == dataset["id"]
    assert leftovers(settings) == []


def test_the_same_bytes_are_the_same_dataset(client: httpx.Client) -> None:
    first = client.post("/datasets?name=pets", content=zipped()).json()
    assert client.post("/datasets?name=pets", content=zipped()).json() == first
    other = client.post("/datasets?name=pets", content=zipped(7))
    problem_in(other, 409, "dataset_name_taken")
    problem_in(client.post("/datasets?name=digits", content=zipped()), 409, "dataset_name_taken")


def test_lists_hold_the_built_in_ones_too(client: httpx.Client) -> None:
    client.post("/datasets?name=pets", content=zipped())
    data = client.get("/datasets").json()["data"]
    assert [dataset["name"] for dataset in data] == ["pets", "digits", "cifar10"]
    assert client.get("/datasets/digits").json()["is_built_in"]
    seen, after = [], ""
    for _ in range(3):
        page = client.get("/datasets", params={"limit": 1, "after": after}).json()
        seen += [dataset["name"] for dataset in page["data"]]
        after = page["data"][-1]["id"]
    assert (seen, page["has_more"]) == (["pets", "digits", "cifar10"], False)
    problem_in(client.get("/datasets/nope"), 404, "dataset_not_found")
    problem_in(client.get("/datasets?after=nope"), 404, "dataset_not_found")


def test_what_is_no_zip_is_refused(client: httpx.Client, settings: ApiSettings) -> None:
    problem_in(client.post("/datasets?name=pets", content=png()), 415, "not_a_zip")
    problem_in(client.post("/datasets?name=pets", content=b""), 422, "empty_upload")
    problem_in(client.post("/datasets", content=zipped()), 422, "invalid_request")
    problem_in(client.post("/datasets?name=Bad%20Name", content=zipped()), 422, "invalid_request")
    form = client.post("/datasets?name=pets", files={"file": zipped()})
    assert "--data-binary" in problem_in(form, 415, "unsupported_media_type")["detail"]
    assert leftovers(settings) == []


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04" + b"\0" * 100,
        zipped()[:-40],
        zipped(1, ("only",)),
        zipped(0, (), **{"../../evil.png": b"x"}),
    ],
    ids=["garbage", "cut", "one class", "traversal"],
)
def test_a_zip_that_holds_no_dataset_is_rejected(client: httpx.Client, data: bytes) -> None:
    problem = problem_in(client.post("/datasets?name=pets", content=data), 422, "dataset_rejected")
    assert problem["detail"]
    problem_in(client.get("/datasets/pets"), 404, "dataset_not_found")


@pytest.fixture(scope="module")
def small(settings: ApiSettings) -> Iterator[httpx.Client]:
    """A service whose cap is small."""
    with (
        running_api(settings.model_copy(update={"max_dataset_bytes": 100_000})) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def test_a_zip_over_the_cap_is_refused_however_it_comes(small: httpx.Client, settings: ApiSettings) -> None:
    data = b"PK\x03\x04" + b"\0" * 100_001
    problem_in(small.post("/datasets?name=pets", content=data), 413, "body_too_large")
    chunks = (data[start : start + 10_000] for start in range(0, len(data), 10_000))
    problem_in(small.post("/datasets?name=pets", content=chunks), 413, "body_too_large")
    assert leftovers(settings) == []


def test_a_client_that_goes_away_leaves_nothing(
    client: httpx.Client, url: str, settings: ApiSettings
) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        connection.sendall(
            b"POST /datasets?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
        )
        connection.sendall(b"PK\x03\x04" + b"\0" * 2_000_000)
        time.sleep(0.3)
    time.sleep(0.3)
    assert client.get("/healthz").status_code == 200
    assert leftovers(settings) == []
