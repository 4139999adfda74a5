"""/datasets/{ref}/report and /images over real HTTP, on datasets that the real import process read."""

import csv
import io
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import numpy as np
import pytest
from PIL import Image

from api.settings import ApiSettings
from model.data.record import dataset_key
from model.data.report.index_file import INDEX_FILE
from model.data.sources.reading import read_built_in
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.zips import zipped
from tests.model.pictures import encode, noise
from tests.worker.imported import complete_import, dataset_record, new_import
from worker.queue.store import JobStore

Json = dict[str, Any]

PHOTO = encode(noise(1, 400, 200), "JPEG", exif=b"Exif\0\0secret place")
FORMULA = "=cmd|' /C calc'!A0.txt"


@pytest.fixture
def dataset(client: httpx.Client, importer: None) -> str:
    others = {"cat/photo.jpg": PHOTO, "dog/photo.jpg": PHOTO, FORMULA: b"x", "cat/cut.png": b"\x89PNG"}
    upload = zipped(6, ("cat", "dog"), **others)
    assert client.post("/datasets?name=pets&wait_s=60", content=upload).status_code == 201
    return "/datasets/pets"


def images_of(client: httpx.Client, path: str, **query: str | int) -> list[Json]:
    """Return all images of a list, page by page."""
    found: list[Json] = []
    while True:
        after = {"after": found[-1]["id"]} if found else {}
        page = client.get(f"{path}/images", params={"limit": 5, **query, **after}).json()
        found += page["data"]
        if not page["has_more"]:
            return found


def test_pages_hold_each_image_once(client: httpx.Client, dataset: str) -> None:
    images = images_of(client, dataset)
    assert len(images) == len({image["id"] for image in images}) == 14
    assert {image["split"] for image in images} == {"train", "test"}
    for field, wanted in (("class", "cat"), ("split", "train"), ("finding", "label_conflicts")):
        expected = [
            image
            for image in images
            if image.get(field) == wanted or (field == "finding" and wanted in image["findings"])
        ]
        assert expected
        assert images_of(client, dataset, **{field: wanted}) == expected
    both = images_of(client, dataset, **{"class": "cat", "split": "train"})
    assert both == [image for image in images if (image["class"], image["split"]) == ("cat", "train")]


def test_one_image_has_facts_a_thumbnail_and_its_own_bytes(client: httpx.Client, dataset: str) -> None:
    [image] = images_of(client, dataset, **{"class": "cat", "finding": "label_conflicts"})
    assert (image["width"], image["height"], image["format"], image["mode"]) == (400, 200, "JPEG", "RGB")
    assert (image["path"], image["size_bytes"]) == ("cat/photo.jpg", len(PHOTO))
    assert client.get(image["links"]["self"]).json() == image
    original = client.get(image["links"]["original"])
    assert original.content == PHOTO
    assert original.headers["content-type"] == "image/jpeg"
    thumbnail = client.get(image["links"]["thumbnail"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert b"secret" not in thumbnail.content
    with Image.open(io.BytesIO(thumbnail.content)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (160, 80))
    for answer in (original, thumbnail):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "immutable" in answer.headers["cache-control"]
        again = client.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_images_in_two_classes_are_one_group(client: httpx.Client, dataset: str) -> None:
    conflict = images_of(client, dataset, finding="label_conflicts")
    assert {image["class"] for image in conflict} == {"cat", "dog"}
    assert images_of(client, dataset, group=conflict[0]["group"]) == conflict
    assert images_of(client, dataset, group="grp_0123456789ab") == []
    assert images_of(client, dataset, finding="label_errors") == []


def test_wrong_queries_say_what_exists(client: httpx.Client, dataset: str) -> None:
    def get(query: str) -> httpx.Response:
        return client.get(f"{dataset}/images{query}")

    assert "'cat', 'dog'" in problem_in(get("?class=cow"), 422, "unknown_class")["detail"]
    unknown = problem_in(get("?finding=beauty"), 422, "invalid_request")
    assert "label_conflicts" in unknown["errors"][0]["message"]
    problem_in(get("?after=img_0"), 422, "invalid_request")
    problem_in(get("?split=val"), 422, "invalid_request")
    problem_in(get("?group=1%27"), 422, "invalid_request")
    problem_in(get("/img_0"), 404, "image_not_found")
    other = next(image["id"] for image in images_of(client, dataset) if image["group"] is None)
    problem_in(get(f"?finding=label_conflicts&after={other}"), 422, "invalid_request")


def test_the_report_lists_findings_tables_and_every_skipped_file(client: httpx.Client, dataset: str) -> None:
    report = client.get(f"{dataset}/report").json()
    assert report["object"] == "dataset_report"
    assert report["findings"][0]["code"] == "label_conflicts"
    assert [(one["name"], one["train"] + one["test"]) for one in report["classes"]] == [
        ("cat", 7),
        ("dog", 7),
    ]
    assert report["formats"] == {"PNG": 12, "JPEG": 2}
    assert report["skipped_count"] == len(report["skipped"]) == 2
    for answer in (
        client.get(report["links"]["skipped"]),
        client.get(f"{dataset}/report", headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["path"] for row in rows] == [f"'{FORMULA}", "cat/cut.png"]
        assert all(row["reason"] for row in rows)


def test_a_dataset_of_an_earlier_release_gets_its_report_when_it_is_added_again(
    client: httpx.Client, settings: ApiSettings, importer: None
) -> None:
    made = client.post("/datasets?name=pets&wait_s=60", content=zipped()).json()
    storage = open_storage(settings.storage)
    for key in storage.list(dataset_key(made["id"], "")):
        if not key.endswith(("images.zip", "dataset.json")):
            storage.delete(key)
    detail = problem_in(client.get(f"/datasets/{made['id']}/report"), 409, "no_report")["detail"]
    assert "add the same images again" in detail
    problem_in(client.get("/datasets/pets/images"), 409, "no_report")
    again = client.post("/datasets?name=again&wait_s=60", content=zipped()).json()
    assert again["id"] == made["id"]
    assert len(images_of(client, "/datasets/pets", limit=100)) == 12


def test_what_has_no_report_says_why(client: httpx.Client, store: JobStore) -> None:
    for path in ("cifar10/report", "cifar10/images", "cifar10/images/train-0?size=thumbnail"):
        detail = problem_in(client.get(f"/datasets/{path}"), 409, "no_report")["detail"]
        assert "datasets add built-in://cifar10" in str(detail)
    problem_in(client.get("/datasets/nothing/images"), 404, "dataset_not_found")
    pending = store.submit_import(new_import("pending")).dataset_import
    problem_in(client.get(f"/datasets/{pending.id}/images"), 409, "dataset_processing")
    complete_import(store, dataset_record("ds_gone"))
    cancelled = store.submit_import(new_import("cancelled")).dataset_import
    client.delete(f"/datasets/{cancelled.id}")
    problem_in(client.get(f"/datasets/{cancelled.id}/report"), 409, "dataset_rejected")
    problem_in(client.get("/datasets/ds_gone/images/img_0?size=original"), 409, "no_report")


def test_a_damaged_index_is_a_failure_of_storage(
    client: httpx.Client, dataset: str, settings: ApiSettings
) -> None:
    dataset_id = client.get(dataset).json()["id"]
    storage = open_storage(settings.storage)
    key = dataset_key(dataset_id, INDEX_FILE)
    whole = storage.read_bytes(key)
    storage.delete(key)
    storage.put_bytes(key, whole[:4096])
    problem_in(client.get(f"{dataset}/images"), 503, "storage_unavailable")
    storage.delete(key)
    storage.put_bytes(key, whole)


def test_the_digits_have_a_report_and_images(client: httpx.Client) -> None:
    report = client.get("/datasets/digits/report").json()
    facts = client.get("/datasets/digits").json()
    assert [one["train"] for one in report["classes"]] == facts["train_counts"]
    assert [one["test"] for one in report["classes"]] == facts["test_counts"]
    image = client.get("/datasets/digits/images/test-5").json()
    original = Image.open(io.BytesIO(client.get(image["links"]["original"]).content))
    _, test = read_built_in("digits", Path())
    assert np.array_equal(np.array(original), test.images_NHWC[5, :, :, 0])
    assert image["class"] == str(test.labels_N[5])
    thumbnail = client.get(image["links"]["thumbnail"])
    assert thumbnail.headers["content-type"] == "image/webp"
    archive = ZipFile(io.BytesIO(client.get("/datasets/digits/archive").content))
    assert len([name for name in archive.namelist() if name.startswith("test/")]) == sum(facts["test_counts"])
