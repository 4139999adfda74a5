"""`datasets report` and `datasets images`: what they print and write, against a server whose answers are scripted."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ninefold.cli.app import app
from ninefold.cli.datasets.image_folder import folder_name
from tests.ninefold.client.http_server import Reply, Request, ScriptedServer, scripted_server

DATASET = {"id": "ds_1", "name": "pets", "status": "ready", "classes": ["cat", "dog"]}
RANGE = {"min": 16, "median": 300, "max": 4000}
REPORT: dict[str, Any] = {
    "object": "dataset_report",
    "dataset_id": "ds_1",
    "images": 1250,
    "findings": [
        {
            "code": "near_duplicates",
            "severity": "low",
            "title": "4 images are nearly the same",
            "advice": "Keep one: `ninefold datasets correct NAME --keep-one GROUP`.",
            "count": 4,
            "images": ["img_1"],
        },
        {
            "code": "skipped_files",
            "severity": "of_a_later_release",
            "title": "2 files are not part of the dataset",
            "advice": "Repair them.",
            "count": 2,
            "images": [],
        },
    ],
    "classes": [{"name": "cat", "train": 1000, "test": 100}, {"name": "dog", "train": 140, "test": 10}],
    "sizes": {"width": RANGE, "height": RANGE, "file_bytes": RANGE, "total_bytes": 123456},
    "formats": {"JPEG": 1200, "PNG": 50},
    "modes": {"RGB": 1250},
    "aspect_ratios": {"1:1": 1250},
    "skipped_count": 2,
    "skipped_reasons": {"This is not an image": 2},
}
CSV = b"path,reason\r\na.txt,This is not an image.\r\n"


def image(digit: str, **fields: Any) -> dict[str, Any]:
    """An image of a list."""
    facts = {
        "class": "cat",
        "split": "train",
        "width": 32,
        "height": 24,
        "format": "JPEG",
        "path": "cat/1.jpg",
    }
    return {"id": f"img_{digit * 24}", **facts, **fields}


class Service:
    """Answers as a service with one dataset."""

    def __init__(self, *images: dict[str, Any]) -> None:
        self.images = list(images)

    def __call__(self, request: Request) -> Reply:
        path, _, query = request.target.partition("?")
        if path.endswith("/report"):
            return Reply(body=CSV if query == "format=csv" else REPORT)
        if path == "/datasets/ds_1/images":
            start = next((n + 1 for n, one in enumerate(self.images) if f"after={one['id']}" in query), 0)
            return Reply(
                body={"data": self.images[start : start + 1], "has_more": start + 1 < len(self.images)}
            )
        if path.startswith("/datasets/ds_1/images/"):
            return Reply(body=f"{query} {path[-1]}".encode())
        return Reply(body=DATASET)


def run(server: ScriptedServer, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["datasets", *map(str, arguments), "--url", server.url])


def test_the_report_begins_with_what_is_wrong_and_what_to_do() -> None:
    with scripted_server(Service()) as server:
        result = run(server, "report", "pets")
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0] == "pets  ds_1  1,250 images"
    assert lines[2:5] == [
        "LOW     4 images are nearly the same",
        "Keep one: `ninefold datasets correct pets --keep-one GROUP`.",
        "ninefold datasets images pets --finding near_duplicates",
    ]
    assert lines.index("OF_A_LATER_RELEASE 2 files are not part of the dataset") < lines.index(
        "class      train       test"
    )
    assert "cat        1,000        100" in lines
    assert "formats JPEG 1,200, PNG 50" in lines
    assert lines[-2:] == ["skipped 2 files", "2  This is not an image"]


def test_the_report_is_one_json_object_and_the_skipped_files_a_new_file(tmp_path: Path) -> None:
    with scripted_server(Service()) as server:
        result = run(server, "report", "pets", "--json", "--skipped-csv", tmp_path / "skipped.csv")
        assert json.loads(result.stdout) == REPORT
        assert (tmp_path / "skipped.csv").read_bytes() == CSV
        again = run(server, "report", "pets", "--skipped-csv", tmp_path / "skipped.csv")
    assert again.exit_code == 1
    assert "exists already" in again.stderr


def test_images_are_lines_of_one_version() -> None:
    service = Service(image("1", group="grp_0123456789ab"), image("2", suggested_class="dog"), image("3"))
    with scripted_server(service) as server:
        result = run(server, "images", "pets", "--class", "cat", "--finding", "label_errors", "--limit", "2")
        assert result.stdout.splitlines() == [
            f"img_{'1' * 24}  cat  train  32x24      grp_0123456789ab  cat/1.jpg",
            f"img_{'2' * 24}  cat > dog  train  32x24      -                 cat/1.jpg",
        ]
        lists = [request.target for request in server.requests if "/images" in request.target]
        assert lists[0] == "/datasets/ds_1/images?limit=100&class=cat&finding=label_errors"
        as_json = run(server, "images", "pets", "--json")
    assert [json.loads(line) for line in as_json.stdout.splitlines()] == service.images


def test_images_are_saved_by_class_and_id(tmp_path: Path) -> None:
    images = (
        image("1", path="../../etc/passwd"),
        image("2", **{"class": "../../cat"}, format="PNG"),
        image("3", **{"class": "CAT"}, format="../x"),
    )
    with scripted_server(Service(*images)) as server:
        result = run(server, "images", "pets", "--out", tmp_path / "new" / "folder")
        assert result.exit_code == 0, result.output
        again = run(server, "images", "pets", "--out", tmp_path / "new" / "folder")
    saved = {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert saved == {
        f"new/folder/cat/img_{'1' * 24}.jpg": b"size=original 1",
        f"new/folder/_.._cat/img_{'2' * 24}.png": b"size=original 2",
        f"new/folder/CAT-2/img_{'3' * 24}.img": b"size=original 3",
    }
    assert again.exit_code == 1
    assert "is not empty" in again.stderr


def test_an_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with scripted_server(Service(image("1", id="../img_1"))) as server:
        result = run(server, "images", "pets", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "is not the id of an image" in result.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cat", "cat"),
        ("Müll & Äpfel", "Müll & Äpfel"),
        ("..", "_"),
        ("", "_"),
        ("/etc", "_etc"),
        ("C:\\x", "C__x"),
        ("con", "_con"),
        ("a\0b\n", "a_b_"),
        ("é" * 200, "é" * 100),
    ],
)
def test_the_folder_of_a_class_has_a_name_that_every_system_allows(label: str, name: str) -> None:
    assert folder_name(label) == name
