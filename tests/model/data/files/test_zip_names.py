import io
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from model.data.archive import ImportLimits, open_source
from model.data.importing import import_dataset
from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.pictures import png, two_classes, write_folder, write_zip
from tests.model.zips import unicode_path_field, write_raw_zip

FILES = {path.replace("cat", "Müll").replace("dog", "Äpfel"): data for path, data in two_classes(6).items()}
CLASSES = ["Müll", "Äpfel"]


def _as_finder(folder: Path) -> Path:
    """UTF-8 without the flag, accents decomposed, an outer folder, and the files that macOS adds."""
    names = {f"Bilder/{path}": data for path, data in FILES.items()}
    names |= {"__MACOSX/Bilder/._Müll": b"x", "Bilder/.DS_Store": b"x"}
    files = [(unicodedata.normalize("NFD", path).encode(), data) for path, data in names.items()]
    return write_raw_zip(folder / "finder.zip", files)


def _as_info_zip(folder: Path) -> Path:
    """UTF-8 without the flag, and the field for Unix times before others."""
    times = b"UT\5\0\1\0\0\0\0"
    files = [(path.encode(), data) for path, data in FILES.items()]
    return write_raw_zip(folder / "info-zip.zip", files, unicode_path=lambda _: times)


def _as_seven_zip(folder: Path) -> Path:
    """The name in the code page of the system, and in the Unicode path field."""
    files = [(path.encode("cp850"), data) for path, data in FILES.items()]
    return write_raw_zip(
        folder / "7-zip.zip",
        files,
        system=0,
        unicode_path=lambda raw: b"\x0a\0\2\0xx" + unicode_path_field(raw, raw.decode("cp850")),
    )


def _as_escaped(folder: Path) -> Path:
    """Info-ZIP in the C locale: escapes in the name, the name itself in the Unicode path field."""
    files = [
        (path.replace("ü", "#U00fc").replace("Ä", "#U00c4").encode(), data) for path, data in FILES.items()
    ]
    return write_raw_zip(
        folder / "escaped.zip",
        files,
        unicode_path=lambda raw: unicode_path_field(
            raw, raw.decode().replace("#U00fc", "ü").replace("#U00c4", "Ä")
        ),
    )


def _as_explorer(folder: Path) -> Path:
    """The code page of the system without a word about it; backslashes, as old versions wrote."""
    files = [(path.replace("/", "\\").encode("cp437"), data) for path, data in FILES.items()]
    return write_raw_zip(folder / "explorer.zip", files, system=0)


def _as_python(folder: Path) -> Path:
    return write_zip(folder / "python.zip", FILES)


def _as_folder(folder: Path) -> Path:
    return write_folder(folder / "pictures", FILES)


@pytest.mark.parametrize(
    "write",
    [_as_folder, _as_python, _as_finder, _as_info_zip, _as_seven_zip, _as_escaped, _as_explorer],
)
def test_every_program_makes_the_same_dataset_of_the_same_images(
    write: Callable[[Path], Path], storage: Storage, tmp_path: Path
) -> None:
    expected = import_dataset(write_zip(tmp_path / "expected.zip", FILES), storage, "pets").facts
    facts = import_dataset(write(tmp_path), storage, "pets").facts
    assert facts.classes == CLASSES
    assert facts.id == expected.id


def test_a_unicode_path_of_another_name_is_ignored(storage: Storage, tmp_path: Path) -> None:
    files = [(path.encode(), data) for path, data in FILES.items()]
    path = write_raw_zip(
        tmp_path / "renamed.zip",
        files,
        unicode_path=lambda _: unicode_path_field(b"old name", "wrong/1.png"),
    )
    assert import_dataset(path, storage, "pets").facts.classes == CLASSES


def test_folders_in_an_unknown_encoding_are_told(tmp_path: Path) -> None:
    files = [(path.encode("cp850"), data) for path, data in FILES.items()]
    unclear = write_raw_zip(tmp_path / "a.zip", files, system=0)
    with open_source(unclear, ImportLimits()) as source:
        (warning,) = source.warnings
        assert "cp437" in warning
        assert "Müll" in warning
    for certain in (_as_finder(tmp_path), _as_python(tmp_path), _as_seven_zip(tmp_path)):
        with open_source(certain, ImportLimits()) as source:
            assert source.warnings == []


def test_all_names_of_a_zip_are_read_in_one_encoding(tmp_path: Path) -> None:
    chinese = write_raw_zip(tmp_path / "a.zip", [(f"{name}/1.png".encode("gbk"), png()) for name in "猫狗"])
    with open_source(chinese, ImportLimits()) as source:
        assert sorted(file.path for file in source.files) == sorted(
            f"{name}/1.png".encode("gbk").decode("cp437") for name in "猫狗"
        )
        assert "2 names" in source.warnings[0]
    stray = [*((path.encode(), data) for path, data in FILES.items()), (b"M\xfcll/x.png", png())]
    with open_source(write_raw_zip(tmp_path / "b.zip", stray), ImportLimits()) as source:
        assert {"Müll", "Äpfel"} < {file.path.partition("/")[0] for file in source.files}
        assert "1 names" in source.warnings[0]


def test_backslashes_in_names_of_linux_are_told(tmp_path: Path) -> None:
    files = [(b"a\\b/1.png", png()), (b"c/1.png", png(1))]
    with open_source(write_raw_zip(tmp_path / "a.zip", files), ImportLimits()) as source:
        (warning,) = source.warnings
        assert "a\\b/1.png lies in the folder a/b" in warning
    with open_source(write_raw_zip(tmp_path / "b.zip", files, system=0), ImportLimits()) as source:
        assert source.warnings == []


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_another_archive_is_named_with_the_way_to_make_a_zip(
    mode: str, storage: Storage, tmp_path: Path
) -> None:
    path = tmp_path / "pets.tar"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]  # the mode is one of its own
        info = tarfile.TarInfo("cat/0.png")
        info.size = len(png())
        tar.addfile(info, io.BytesIO(png()))
    with pytest.raises(DatasetRejectedError, match=r"tar.*zip -r"):
        import_dataset(path, storage, "pets")


def test_a_zip_with_entries_for_folders_is_read(storage: Storage, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "folders.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir("Müll")
    assert import_dataset(path, storage, "pets").facts.classes == CLASSES
