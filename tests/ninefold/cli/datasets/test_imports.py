from typing import Any

import pytest

from model.data.built_in.facts import BUILT_IN
from model.spec import ID_PREFIXES
from ninefold.cli.datasets import imports
from ninefold.cli.datasets.descriptions import describe, describe_skipped, describe_warnings
from ninefold.cli.datasets.imports import legal_name

UNKNOWN: dict[str, Any] = {
    "classes": None,
    "train_counts": None,
    "test_counts": None,
    "skipped": [],
    "skipped_count": 0,
}


def in_import(status: str, **fields: Any) -> dict[str, Any]:
    none = {"phase": None, "queued_reason": None, "progress": None, "error": None}
    return {"name": "cats", "id": "imp_1", "status": status, **UNKNOWN, **none, **fields}


def test_skipped_files_are_named_up_to_a_limit_and_the_others_counted() -> None:
    named = [{"path": "cat/notes.txt", "reason": "This is not an image."}]
    assert describe_skipped({"skipped": [], "skipped_count": 0}) == []
    assert describe_skipped({"skipped": named, "skipped_count": 1}) == [
        "  skipped cat/notes.txt: This is not an image."
    ]
    assert describe_skipped({"skipped": named, "skipped_count": 1201})[1:] == ["  skipped 1,200 more"]


def test_all_names_of_a_dataset_are_shown() -> None:
    ready = {"name": "pets", "id": "ds_1", "status": "ready", "classes": ["a"], "skipped_count": 0}
    ready |= {"train_counts": [1], "test_counts": [1]}
    assert describe(ready | {"names": ["animals", "pets"]}).startswith("pets (also animals)  ds_1  ")
    assert describe(ready).startswith("pets  ds_1  ")  # from a service of an earlier version


def test_each_warning_about_a_dataset_is_a_line() -> None:
    assert describe_warnings({"warnings": ["1 image is in more than one class: a/x = b/x."]}) == [
        "  warning: 1 image is in more than one class: a/x = b/x."
    ]
    assert describe_warnings({}) == []  # from a service of an earlier version


@pytest.mark.parametrize(
    ("dataset", "state"),
    [
        (in_import("processing", queued_reason="no_worker"), "processing: no worker"),
        (in_import("processing", phase="starting"), "processing: starting"),
        (
            in_import("processing", phase="reading", progress={"files": 1, "total": 3, "fraction": 1 / 3}),
            "processing: reading 33%",
        ),
        (
            in_import("rejected", error={"code": "dataset_rejected", "message": "No images."}),
            "rejected: No images.",
        ),
        (in_import("cancelled"), "cancelled"),
    ],
)
def test_a_dataset_that_is_not_ready_shows_its_status(dataset: dict[str, Any], state: str) -> None:
    assert describe(dataset) == f"cats  imp_1  {state}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Photos", "my-photos"),
        ("Müll & Äpfel (2)", "mull-apfel-2"),
        ("写真", "images"),
        ("ds_old", "ds-old"),
        ("digits", "my-digits"),
        ("x" * 80, "x" * 64),
        ("flowers_v2.1", "flowers_v2.1"),
    ],
)
def test_every_folder_has_a_legal_name(text: str, name: str) -> None:
    assert legal_name(text) == name


def test_the_names_that_the_service_reserves_are_known_without_it() -> None:
    """The command line imports no `model`, so it has a copy of these."""
    assert imports._ID_PREFIXES == ID_PREFIXES
    assert set(imports._BUILT_IN) == set(BUILT_IN)
