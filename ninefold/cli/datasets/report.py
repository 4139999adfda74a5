"""The command that shows the report of a dataset: what is wrong with it first, then tables of what is in it."""

import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json

SHOWN_CLASSES = 40
_WIDEST = 120
_INDENT = " " * 8
_COLOURS = {"high": typer.colors.RED, "medium": typer.colors.YELLOW}


def report(
    name: Annotated[str, typer.Argument(help="Name, name@version or id of the dataset.")],
    *,
    skipped_csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every skipped file with the reason to a new CSV file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as a JSON object.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Show what is wrong with a dataset, what costs a model most first, and what is in it: classes, sizes, formats.

    Examples:

        ninefold datasets report pets

        ninefold datasets report pets@1 --json

        ninefold datasets report pets --skipped-csv skipped.csv
    """
    with connect(url, api_key) as client:
        found = client.dataset_report(name)
        if skipped_csv:
            client.download_skipped_files(name, skipped_csv)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    _print_findings(found, name)
    for line in tables(found):
        typer.echo(line)
    if skipped_csv:
        typer.echo(f"{skipped_csv}  {found['skipped_count']:,} skipped files", err=True)


def _print_findings(found: "Json", name: str) -> None:
    typer.echo(f"{name}  {found['dataset_id']}  {found['images']:,} images")
    if not found["findings"]:
        typer.echo("\nNothing is wrong with this dataset as far as its images tell.")
    for finding in found["findings"]:
        severity = str(finding["severity"])
        typer.echo()
        typer.secho(f"{severity.upper():<7} ", fg=_COLOURS.get(severity), nl=False)
        typer.echo(wrap(finding["title"]).lstrip())
        typer.echo(wrap(finding["advice"].replace(" NAME ", f" {name} ")))
        if finding["images"]:
            typer.echo(f"{_INDENT}ninefold datasets images {name} --finding {finding['code']}")


def wrap(text: str) -> str:
    """Return a text in lines that fit the terminal, beside the column of the severities."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return textwrap.fill(
        text,
        max(width, 40),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )


def tables(found: "Json") -> Iterator[str]:
    """Yield the lines of the tables."""
    yield ""
    yield from _class_table(found["classes"])
    yield ""
    sizes = found["sizes"]
    for title, unit, numbers in (
        ("width", " pixels", sizes["width"]),
        ("height", " pixels", sizes["height"]),
        ("file", " bytes", sizes["file_bytes"]),
    ):
        yield f"{title:<8}{numbers['min']:,} to {numbers['max']:,}{unit}, median {numbers['median']:,}"
    yield f"{'all':<8}{sizes['total_bytes']:,} bytes"
    for title, field in (("formats", "formats"), ("pixels", "modes"), ("shapes", "aspect_ratios")):
        yield f"{title:<8}" + ", ".join(f"{name} {count:,}" for name, count in found[field].items())
    yield f"{'skipped':<8}{found['skipped_count']:,} files"
    for reason, count in found["skipped_reasons"].items():
        yield f"{_INDENT}{count:,}  {reason}"


def _class_table(classes: "list[Json]") -> Iterator[str]:
    shown = classes[:SHOWN_CLASSES]
    width = max([5, *(len(one["name"]) for one in shown)])
    yield f"{'class':<{width}}  {'train':>9}  {'test':>9}"
    for one in shown:
        yield f"{one['name']:<{width}}  {one['train']:>9,}  {one['test']:>9,}"
    if len(classes) > len(shown):
        yield f"{len(classes) - len(shown):,} more classes: --json names all"
