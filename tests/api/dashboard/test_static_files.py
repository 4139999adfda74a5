"""The dashboard's own files refer only to files that exist, and its scripts import each other without a circle."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from api.dashboard.routes import FOLDER

SCRIPTS = sorted((FOLDER / "js").rglob("*.js"))


def _imports(script: Path) -> list[Path]:
    """Return the scripts that a script imports or starts as a worker."""
    names = re.findall(r'(?:from |Worker\(new URL\()"([^"]+)"', script.read_text())
    return [(script.parent / name).resolve() for name in names]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_every_import_of_a_script_names_a_file(script: Path) -> None:
    assert [target for target in _imports(script) if not target.is_file()] == []


def test_the_scripts_import_each_other_without_a_circle() -> None:
    order = TopologicalSorter({script.resolve(): _imports(script) for script in SCRIPTS}).static_order()
    assert {script.resolve() for script in SCRIPTS} <= set(order)


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_every_file_that_a_page_loads_exists(page: str) -> None:
    loaded = re.findall(r'(?:src|href)="dashboard/([^"]+)"', (FOLDER / page).read_text())
    assert loaded
    assert [path for path in loaded if not (FOLDER / path).is_file()] == []


def test_every_script_is_loaded() -> None:
    pages = "".join((FOLDER / page).read_text() for page in ("index.html", "docs.html"))
    entry_points = [script.resolve() for script in SCRIPTS if f"dashboard/js/{script.name}" in pages]
    loaded, remaining = set(entry_points), list(entry_points)
    while remaining:
        new = [target for target in _imports(remaining.pop()) if target not in loaded]
        loaded |= set(new)
        remaining += [target for target in new if "vendor" not in target.parts]
    assert {script.resolve() for script in SCRIPTS} <= loaded
