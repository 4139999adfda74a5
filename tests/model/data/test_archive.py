import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.data.archive import ImportLimits, open_source
from model.data.importing import import_dataset
from model.data.record import DatasetRecord
from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.imports import import_files, reasons
from tests.model.pictures import encode, noise, png, two_classes, write_folder, write_zip


@pytest.mark.parametrize(
    "path", ["../evil.png", "/etc/evil.png", "cat/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_paths_that_leave_the_zip_are_refused(path: str, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="outside itself"):
        import_files(two_classes() | {path: png()}, storage, tmp_path)


def test_a_nul_character_in_a_name_is_refused(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "nul.zip", two_classes() | {"cat/evilXpng": png(5)})
    path.write_bytes(path.read_bytes().replace(b"evilXpng", b"evil\0png"))
    with pytest.raises(DatasetRejectedError, match="outside itself"):
        import_dataset(path, storage, "pets")


def test_backslashes_in_zip_paths_separate_folders(storage: Storage, tmp_path: Path) -> None:
    files = {path.replace("/", "\\"): data for path, data in two_classes().items()}
    assert import_files(files, storage, tmp_path) == import_files(two_classes(), storage, tmp_path)


def test_links_in_a_zip_are_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "links.zip", two_classes())
    link = zipfile.ZipInfo("cat/link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "a link" in reasons(import_dataset(path, storage, "pets"))["cat/link.png"]


def test_linked_files_and_folders_are_followed(storage: Storage, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pets", two_classes())
    birds = write_folder(tmp_path / "pool", {f"{number}.png": png(7000 + number) for number in range(10)})
    (folder / "bird").symlink_to(birds)
    (folder / "cat" / "link.png").symlink_to(write_folder(tmp_path, {"other.png": png(9999)}) / "other.png")
    record = import_dataset(folder, storage, "pets")
    assert record.facts.classes == ["bird", "cat", "dog"]
    assert (record.images, record.skipped) == (31, [])


def test_pipes_endless_and_broken_links_in_a_folder_are_named(storage: Storage, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pets", two_classes())
    (folder / "cat" / "itself").symlink_to(folder / "cat")
    (folder / "cat" / "all").symlink_to(folder)
    (folder / "dog" / "gone.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "dog" / "pipe.png")
    record = import_dataset(folder, storage, "pets")
    assert record.images == 20
    found = reasons(record)
    assert set(found) == {"cat/itself", "cat/all", "dog/gone.png", "dog/pipe.png"}
    assert "contains it" in found["cat/itself"]
    assert "contains it" in found["cat/all"]
    assert "a link to nothing" in found["dog/gone.png"]


def test_names_that_are_not_utf_8_are_read_as_latin_1(storage: Storage, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pets", two_classes())
    (folder / "cat").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    assert import_dataset(folder, storage, "pets").facts.classes == ["café", "dog"]


@contextmanager
def _not_as_root() -> Iterator[Path]:
    """Yield a folder in which the file permissions hold: root may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


def test_what_may_not_be_read_is_named() -> None:
    with _not_as_root() as folder:
        pets = write_folder(folder / "pets", {f"{label}/0.png": b"x" for label in ("cat", "dog", "bird")})
        closed = write_zip(folder / "closed.zip", {"cat/0.png": b"x"})
        (pets / "bird").chmod(0o444)  # its names may be read, its files not
        (pets / "dog").chmod(0)
        with open_source(pets, ImportLimits()) as source:
            assert [file.path for file in source.files] == ["cat/0.png"]
            skipped = {file.path: file.reason for file in source.skipped}
        assert skipped == {
            "bird/0.png": "cannot be read: Permission denied",
            "dog": "the folder cannot be read: Permission denied",
        }
        for path in (closed, pets):
            path.chmod(0)
            with (
                pytest.raises(DatasetRejectedError, match="cannot be read: Permission denied"),
                open_source(path, ImportLimits()),
            ):
                pass


def test_a_hidden_folder_with_images_is_named(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {".bird/0.png": png(90), ".bird/1.png": png(91), ".git/HEAD": b"x"}
    for source in (write_folder(tmp_path / "pets", files), write_zip(tmp_path / "pets.zip", files)):
        record = import_dataset(source, storage, "pets")
        assert record.facts.classes == ["cat", "dog"]
        assert {path: reason.partition(":")[0] for path, reason in reasons(record).items()} == {
            ".bird": "a hidden folder with images"
        }


def test_a_zip_bomb_is_skipped_before_it_is_unpacked(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"cat/bomb.png": b"\0" * (30 << 20)}, storage, tmp_path)
    assert "zip bombs" in reasons(record)["cat/bomb.png"]


def test_a_zip_entry_with_a_false_size_is_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lie.zip", two_classes() | {"cat/lie.png": b"\0" * 900_000})
    data = path.read_bytes()
    path.write_bytes(data.replace((900_000).to_bytes(4, "little"), (500).to_bytes(4, "little")))
    assert "cannot be unpacked" in reasons(import_dataset(path, storage, "pets"))["cat/lie.png"]


def test_a_zip_entry_with_a_password_is_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "locked.zip", two_classes() | {"cat/locked.png": png(77)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2", 0, data.rindex(b"cat/locked.png"))
    data[entry + 8] |= 1
    path.write_bytes(bytes(data))
    assert "password" in reasons(import_dataset(path, storage, "pets"))["cat/locked.png"]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (10, 9, "(Deflate64): make the zip"),
        (10, 77, "(number 77): make the zip"),
        (42, 0x7FFFFFFF, "make or copy the zip again"),
    ],
)
def test_a_zip_entry_that_cannot_be_unpacked_says_what_to_do(
    place: int, value: int, words: str, storage: Storage, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "odd.zip", two_classes() | {"cat/odd.png": png(77)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2", 0, data.rindex(b"cat/odd.png"))
    length = 4 if place == 42 else 2
    data[entry + place : entry + place + length] = value.to_bytes(length, "little")
    path.write_bytes(bytes(data))
    assert words in reasons(import_dataset(path, storage, "pets"))["cat/odd.png"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ImportLimits(max_files=19), "20 files are too many"),
        (ImportLimits(max_total_bytes=1000), "GiB are allowed"),
        (ImportLimits(max_directory_bytes=500), "too many files"),
    ],
)
def test_a_source_beyond_a_limit_is_refused(
    limits: ImportLimits, words: str, storage: Storage, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "pets.zip", two_classes())
    with pytest.raises(DatasetRejectedError, match=words):
        import_dataset(path, storage, "pets", limits=limits)


def test_too_large_files_are_skipped_in_zips_and_folders(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {"cat/large.bmp": encode(noise(1, 700, 700), "BMP")}
    limits = ImportLimits(max_file_bytes=1 << 20)
    for source in (write_zip(tmp_path / "a.zip", files), write_folder(tmp_path / "a", files)):
        record = import_dataset(source, storage, "pets", limits=limits)
        assert "larger than 1 MiB" in reasons(record)["cat/large.bmp"]


def test_an_image_whose_header_states_billions_of_pixels_is_skipped(storage: Storage, tmp_path: Path) -> None:
    huge = bytearray(png())
    huge[16:24] = (50_000).to_bytes(4, "big") * 2
    record = import_files(two_classes() | {"cat/huge.png": bytes(huge)}, storage, tmp_path)
    assert "cat/huge.png" in reasons(record)


def test_only_the_damaged_files_of_a_zip_are_skipped(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "damaged.zip", two_classes() | {"cat/zz.png": png(55)}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace(png(55)[40:60], b"\xff" * 20))
    assert "cannot be unpacked" in reasons(import_dataset(path, storage, "pets"))["cat/zz.png"]


@settings(max_examples=40, deadline=None)
@given(patch=st.binary(min_size=1, max_size=300), at=st.floats(0, 1))
def test_any_damage_to_a_zip_gives_a_dataset_or_a_rejection(patch: bytes, at: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_zip(Path(folder, "pets.zip"), two_classes(4))
        data = bytearray(path.read_bytes())
        start = int(at * len(data))
        data[start : start + len(patch)] = patch
        path.write_bytes(bytes(data))
        with suppress(DatasetRejectedError):
            assert import_dataset(path, open_storage(f"file://{folder}/storage"), "pets").images <= 8


def test_an_import_with_too_little_memory_prints_an_error(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "pets.zip", two_classes() | {"cat/large.png": encode(Image.new("RGBA", (5000, 5000)))}
    )
    command = [sys.executable, "-m", "model", "import-dataset", "--source", str(path), "--name", "pets"]
    done = subprocess.run(
        [*command, "--storage", f"file://{tmp_path}/storage"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)),
    )
    record = DatasetRecord.model_validate(json.loads(done.stdout)["dataset"])
    assert record.images == 20
    assert "more memory" in reasons(record)["cat/large.png"]
