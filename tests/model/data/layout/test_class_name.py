from pathlib import Path

import pytest

from model.data.layout.class_name import parse_label
from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.pictures import two_classes

FLOWERS = "گل\u200cها"  # noqa: RUF001  # a Persian word with a zero-width non-joiner


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (FLOWERS, FLOWERS),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d🚀 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", None),
        ("❤\ufe0f", "❤\ufe0f"),
        ("犬\u3000柴", "犬 柴"),
        ("\u00a0New\u202fYork ", "New York"),
        ("a:b", "a:b"),
        ("Mu\u0308ll", "Müll"),
    ],
)
def test_names_in_every_script_are_kept_and_spaces_become_plain(label: str, name: str | None) -> None:
    assert parse_label(label) == (name or label)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("a\u202eb", r"character 2 is U\+202E RIGHT-TO-LEFT OVERRIDE"),
        ("ab\u2066c", r"character 3 is U\+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\x1b[2J", r"character 1 is U\+001B CONTROL CHARACTER"),
        ("a\u200bb", r"character 2 is U\+200B ZERO WIDTH SPACE"),
        ("a\udce9", r"character 2 is U\+DCE9 A BYTE THAT IS NOT UTF-8"),
        ("a/b", r"character 2 is U\+002F SOLIDUS"),
        (".git", "another character than a dot"),
        (" \u200d", "at least one letter"),
        ("a" * 101, "has 101 characters, use 100 at most"),
    ],
)
def test_a_refusal_names_the_character_and_its_place(label: str, reason: str) -> None:
    with pytest.raises(DatasetRejectedError, match=reason):
        parse_label(label)


@pytest.mark.parametrize("label", ["a:b", FLOWERS, "犬\u3000柴", "👩\u200d🚀"])
def test_such_classes_are_imported_from_a_zip(label: str, storage: Storage, tmp_path: Path) -> None:
    files = {path.replace("cat/", f"{label}/"): data for path, data in two_classes().items()}
    record = import_files(files, storage, tmp_path)
    assert sorted(record.facts.classes) == sorted([parse_label(label), "dog"])
    assert import_files(files, storage, tmp_path) == record
