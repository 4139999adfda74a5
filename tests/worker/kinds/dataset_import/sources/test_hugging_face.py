"""Copies of repositories of the Hugging Face Hub, which a server on this host stands for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.data.archive import ImportLimits
from tests.worker.kinds.dataset_import.sources.tls_server import Internet, Reply, running_internet
from worker.kinds.dataset_import.sources.errors import SourceRejectedError
from worker.kinds.dataset_import.sources.hugging_face import copy_repository

TREE = "huggingface.co/api/datasets/owner/pets/tree/main?recursive=true"
FILES = "huggingface.co/datasets/owner/pets/resolve/main/"


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[Internet]:
    with running_internet(tmp_path) as internet:
        yield internet


def tree(*paths: str, size: int = 4, more: str | None = None) -> Reply:
    entries = [{"type": "file", "path": path, "size": size} for path in paths]
    links = {"Link": f'<https://{more}>; rel="next"'} if more else {}
    return Reply(body=json.dumps([*entries, {"type": "directory", "path": "x"}]).encode(), headers=links)


def copy(internet: Internet, folder: Path) -> Path:
    folder.mkdir()
    downloads = internet.make_downloads()
    try:
        return copy_repository("owner/pets", "main", folder, downloads, ImportLimits())
    finally:
        downloads.close()


def test_the_images_and_tables_of_all_pages_are_copied(internet: Internet, tmp_path: Path) -> None:
    names = [f"train/cat/{number} a.jpg" for number in range(12)]
    internet.server.replies = {
        TREE: tree(*names[:6], "README.md", more=f"{TREE}&cursor=2"),
        f"{TREE}&cursor=2": tree(*names[6:], "labels.csv"),
        "cdn.example/blob": Reply(body=b"data"),
        **{
            FILES + name.replace(" ", "%20"): Reply(302, headers={"Location": "https://cdn.example/blob"})
            for name in (*names, "labels.csv")
        },
    }
    folder = copy(internet, tmp_path / "to")
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == sorted([*names, "labels.csv"])
    assert {path.read_bytes() for path in folder.rglob("*.jpg")} == {b"data"}


def test_a_repository_with_one_zip_is_that_zip(internet: Internet, tmp_path: Path) -> None:
    internet.server.replies = {TREE: tree("data/pets.zip"), FILES + "data/pets.zip": Reply(body=b"PK..")}
    assert copy(internet, tmp_path / "to").read_bytes() == b"PK.."


def test_an_image_that_is_too_large_is_not_fetched_but_takes_its_place(
    internet: Internet, tmp_path: Path
) -> None:
    internet.server.replies = {TREE: tree("cat/huge.jpg", size=65 << 20)}
    [path] = copy(internet, tmp_path / "to").rglob("*.jpg")
    assert path.stat().st_size == 65 << 20
    assert path.stat().st_blocks == 0


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (tree("data/train-0.parquet"), "parquet.*a folder for each class"),
        (tree("a.zip", "b.zip"), "2 zips"),
        (tree("README.md"), "no image files and no zip"),
        (tree("../../etc/cat.jpg"), "unusable name"),
        (tree("cat/" + "a" * 300 + ".jpg"), "unusable name"),
        (Reply(401), "asks for a key"),
        (Reply(404), "nothing at this address"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_what_to_do(
    internet: Internet, tmp_path: Path, reply: Reply, said: str
) -> None:
    internet.server.replies = {TREE: reply}
    with pytest.raises(SourceRejectedError, match=said):
        copy(internet, tmp_path / "to")
