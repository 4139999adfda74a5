"""The layout of the packages: a folder is one subject, and its tests lie in the folder of the same path."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("model", "worker", "api", "ninefold")
MOST_FILES = 15
SOURCES = (".py", ".lua", ".js", ".css")


def test_no_folder_holds_more_than_fifteen_source_files() -> None:
    files = Counter(
        (path.parent.relative_to(ROOT), path.suffix)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in SOURCES and path.name != "__init__.py" and "vendor" not in path.parts
    )
    too_wide = {
        f"{folder} ({suffix})": count for (folder, suffix), count in files.items() if count > MOST_FILES
    }
    assert not too_wide, "split these folders by subject"


def test_every_folder_says_in_its_init_file_what_it_is_about() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if not path.read_text().startswith('"""')
    ]
    assert not silent


def test_tests_lie_in_the_folders_of_what_they_test() -> None:
    tested = [path for package in PACKAGES for path in (ROOT / "tests" / package).rglob("test_*.py")]
    folders = {path.parent.relative_to(ROOT / "tests") for path in tested}
    assert [str(folder) for folder in folders if not (ROOT / folder).is_dir()] == []
