"""Each way to get an upload wrong: what is said about it, and that storage and the working folder hold nothing afterwards."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from model.data.archive import ImportLimits
from model.data.importing import import_dataset
from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.imports import import_files, reasons
from tests.model.pictures import png, two_classes, write_folder, write_zip

BIDI = "\u202egnp.tac\u202c"


def zipped(files: dict[str, bytes] | None = None) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in (two_classes() if files is None else files).items():
            archive.writestr(name, content)
    return data.getvalue()


def with_count(data: bytes, count: int) -> bytes:
    """Change the number of files that the end of a zip states."""
    end = data.rindex(b"PK\5\6")
    return data[: end + 8] + struct.pack("<HH", count, count) + data[end + 12 :]


def zip64_lie(data: bytes, size_bytes: int) -> bytes:
    """Put a ZIP64 end record into a zip that states another size of the directory."""
    end = data.rindex(b"PK\5\6")
    place = end
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, size_bytes, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    old = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0)
    return data[:end] + record + locator + old


@pytest.mark.parametrize(
    ("make_data", "said"),
    [
        (lambda: b"", "The file is empty"),
        (lambda: b"<!DOCTYPE html><p>Sign in", "a web page, not a zip"),
        (lambda: b"hello, these are my cats", "not a zip"),
        (lambda: zipped({}), "the upload holds no image:"),
        (lambda: zipped()[:-40], "The zip is incomplete"),
        (lambda: zipped()[: len(zipped()) // 2], "The zip is incomplete"),
        (lambda: zipped({"cats.zip": zipped()}), "zip"),
        (lambda: zip64_lie(zipped(), 1 << 40), "too many files"),
        (lambda: zip64_lie(zipped(), 1 << 62), "too many files"),
        (lambda: zip64_lie(zipped(), 20), "damaged"),
        (lambda: zipped({"cat/a.png": png(1)}), "At least 2 classes"),
        (lambda: zipped({"cat/a.txt": b"x", "dog/b.md": b"y"}), "no image among 2 files"),
        (
            lambda: zipped(dict.fromkeys((f"{number:05d}/a.png" for number in range(1_001)), png(1, 1, 1))),
            "1001 classes are too many",
        ),
        (lambda: zipped({"../a.png": png(1)}), "outside itself"),
        (lambda: zipped({"/etc/a.png": png(1)}), "outside itself"),
        (lambda: zipped(two_classes() | {"labels.csv": b"path,label\n" + b"\xff\xfe\xfd"}), "UTF-8"),
        (lambda: zipped(two_classes() | {"labels.csv": b'path,label\n"cat/0.png,cat\n'}), "labels.csv"),
    ],
)
def test_what_cannot_be_read_is_refused_and_leaves_nothing(
    make_data: Callable[[], bytes], said: str, storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "upload.zip").write_bytes(make_data())
    with pytest.raises(DatasetRejectedError, match=said):
        import_dataset(tmp_path / "upload.zip", storage, "pets")
    assert leftovers(tmp_path) == []


def leftovers(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "upload.zip"]


def test_a_zip_that_states_another_number_of_files_is_read_or_refused(
    storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "upload.zip").write_bytes(with_count(zipped(), 60_000))
    try:
        assert import_dataset(tmp_path / "upload.zip", storage, "pets").images == 20
    except DatasetRejectedError:
        assert leftovers(tmp_path) == []


def test_too_many_files_are_refused(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "upload.zip").write_bytes(zipped({f"cat/{number}.png": b"" for number in range(300)}))
    with pytest.raises(DatasetRejectedError, match="300 files are too many"):
        import_dataset(tmp_path / "upload.zip", storage, "pets", limits=ImportLimits(max_files=200))
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_a_device_in_a_zip_is_left_out(kind: int, storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "upload.zip", two_classes())
    entry = zipfile.ZipInfo("cat/device.png")
    entry.create_system, entry.external_attr = 3, (kind | 0o666) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/dev/zero")
    record = import_dataset(path, storage, "pets")
    assert record.images == 20
    assert "a link or a device" in reasons(record)["cat/device.png"]


def test_a_zip_of_which_all_files_have_a_password_says_so(storage: Storage, tmp_path: Path) -> None:
    data = bytearray(zipped())
    at = data.find(b"PK\1\2")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\1\2", at + 4)
    (tmp_path / "upload.zip").write_bytes(bytes(data))
    with pytest.raises(DatasetRejectedError, match="password"):
        import_dataset(tmp_path / "upload.zip", storage, "pets")
    assert leftovers(tmp_path) == []


def renamed(**classes: str) -> dict[str, bytes]:
    names = {"cat": "cat", "dog": "dog", **classes}
    return {f"{names[path[:3]]}{path[3:]}": data for path, data in two_classes().items()}


@pytest.mark.parametrize("name", ["🐈", "猫", "Ünïcode", "a b", "=cmd|' calc'!A0"])
def test_a_class_may_have_any_printable_name(name: str, storage: Storage, tmp_path: Path) -> None:
    record = import_files(renamed(cat=name), storage, tmp_path)
    assert record.facts.classes == sorted([name, "dog"])


@pytest.mark.parametrize("name", [BIDI, "cat\x07", "cat\x1b[31m", "c\u200bat"])
def test_a_name_with_invisible_characters_is_never_shown_as_it_is(
    name: str, storage: Storage, tmp_path: Path
) -> None:
    try:
        record = import_files(renamed(cat=name) | {f"dog/{name}.txt": b"x"}, storage, tmp_path)
        shown = record.model_dump_json()
    except DatasetRejectedError as error:
        shown = str(error)
        assert leftovers(tmp_path) == []
    assert not any(character in shown for character in "\u202e\u202c\x07\x1b\u200b")


def test_classes_that_differ_by_case_are_told(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {f"Cat/{number}.png": png(500 + number) for number in range(10)}
    record = import_files(files, storage, tmp_path)
    assert any("Cat" in warning and "cat" in warning for warning in record.warnings)


def test_the_smallest_images_are_read(storage: Storage, tmp_path: Path) -> None:
    files = {f"{label}/{n}.png": png(n * 2 + (label == "b"), 1, 1) for label in "ab" for n in range(10)}
    assert import_files(files, storage, tmp_path).images == 20


def test_an_image_of_20_000_by_20_000_pixels_is_left_out_before_it_is_decoded(
    storage: Storage, tmp_path: Path
) -> None:
    huge = bytearray(png())
    huge[16:24] = struct.pack(">LL", 20_000, 20_000)
    record = import_files(two_classes() | {"cat/huge.png": bytes(huge)}, storage, tmp_path)
    assert record.images == 20
    assert reasons(record)["cat/huge.png"]


def sparse_table(folder: Path, label: str) -> None:
    with (folder / "labels.csv").open("wb") as table:
        table.write(f"path,label\ncat/0.png,{label}\n".encode())
        table.truncate(1 << 30)


def compressed_table(folder: Path, label: str) -> None:
    write_folder(folder, {"labels.csv": f"path,label\ncat/0.png,{label}\n".encode() * 3_000_000})


@pytest.mark.parametrize("write", [sparse_table, compressed_table])
def test_a_table_that_is_too_large_is_refused_with_its_size(
    write: Callable[[Path, str], None], storage: Storage, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "pets", two_classes())
    write(folder, "cat")
    with pytest.raises(DatasetRejectedError, match=r"labels.csv.*64 MiB"):
        import_dataset(folder, storage, "pets")
    assert not storage.list()


def test_formulas_in_a_table_are_plain_text(storage: Storage, tmp_path: Path) -> None:
    formula = '=HYPERLINK("evil")'
    rows = [f'images/{n}.png,"{formula.replace(chr(34), chr(34) * 2)}"' for n in range(10)]
    rows += [f"images/{n}.png,dog" for n in range(10, 20)]
    files = {f"images/{n}.png": png(n) for n in range(20)}
    record = import_files(
        files | {"labels.csv": "\n".join(["path,label", *rows]).encode()}, storage, tmp_path
    )
    assert record.images == 20
    assert formula in record.facts.classes
