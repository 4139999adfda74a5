"""The documentation names files, modules, commands and pages that exist."""

import re
from pathlib import Path

import pytest
import typer.main

from ninefold.cli.app import app

ROOT = Path(__file__).parents[2]
PACKAGES = ("model", "worker", "api", "ninefold", "tests", "benchmarks", "docs", "docker")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{'|'.join(PACKAGES)})/[\w./-]*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MODULE = re.compile(rf"-m ((?:{'|'.join(PACKAGES)})[\w.]*)")
COMMAND = re.compile(r"ninefold ((?:[a-z]+ ?)+)")
SHELL_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def pages(*, without_history: bool = False) -> list[object]:
    """All pages as test parameters; the history names modules that have moved since."""
    chosen = [page for page in PAGES if not (without_history and page.name == "CHANGELOG.md")]
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in chosen]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(without_history=True))
def test_every_path_in_the_page_exists(page: Path) -> None:
    named = [code for code in CODE.findall(page.read_text()) if PATH.fullmatch(code)]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", pages())
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", pages(without_history=True))
def test_every_module_that_a_command_runs_exists(page: Path) -> None:
    files = [ROOT / name.rstrip(".").replace(".", "/") for name in MODULE.findall(page.read_text())]
    assert [file for file in files if not (file.with_suffix(".py").exists() or file.is_dir())] == []


@pytest.mark.parametrize("page", pages(without_history=True))
def test_every_ninefold_command_exists(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    blocks = "\n".join(SHELL_BLOCK.findall(page.read_text()))
    named = {words.split()[0] for words in COMMAND.findall(blocks)}
    assert named - set(commands) == set()


def test_the_glossary_says_of_every_term_where_it_lives() -> None:
    rows = [
        line.split("|") for line in (ROOT / "docs/glossary.md").read_text().splitlines() if "| **" in line
    ]
    assert len(rows) > 50
    assert [row for row in rows if len(row) != 5 or not PATH.fullmatch(row[3].strip(" `"))] == []


def test_the_glossary_names_no_term_twice() -> None:
    terms = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert len(terms) == len(set(terms))


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    claims = lines.index("|---|---|") + 1
    rows = [line for line in lines[claims:] if line.startswith("|")]
    assert len(rows) <= 8
    assert max(map(len, rows)) <= 160


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/adr"
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", (folder / "README.md").read_text(), re.MULTILINE)
    written = [
        (page.read_text().split("\n", 1)[0].removeprefix("# "), page.name)
        for page in sorted(folder.glob("0*.md"))
    ]
    assert listed == written
