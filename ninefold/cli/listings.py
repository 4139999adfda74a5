"""Commands that list jobs and workers: a line for each, or one JSON object a line. Tables of other commands are printed alike."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.watch import JobId
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ninefold.client.client import Client
    from ninefold.client.transport import Json

jobs = typer.Typer(
    help="List jobs, look at one, read its log. The commands that submit and change jobs are at the top: `ninefold --help`.",
    no_args_is_help=True,
)
workers = typer.Typer(help="List workers.", no_args_is_help=True)

_WIDEST_COLUMN = 32

Limit = Annotated[int, typer.Option(help="Largest number of lines.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print each one as a JSON object in a line.")]


@jobs.command("list")
def list_jobs(
    status: Annotated[
        str | None, typer.Option(help="Only jobs of this status, such as running, succeeded or failed.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only jobs on this dataset.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only jobs with this tag.")] = None,
    limit: Limit = 20,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List the jobs, newest first: id, status, model name, dataset, and how far or how good each one is.

    Examples:

        ninefold jobs list

        ninefold jobs list --status running --json
    """
    filters = {"status": status, "dataset": dataset, "tag": tag}
    given = {field: value for field, value in filters.items() if value is not None}
    with connect(url, api_key) as client:
        found = list(islice(client.jobs(**given), limit))
        names = {} if as_json else _dataset_names(client)
        print_table(found, lambda job: _job_cells(job, names), as_json=as_json)


@jobs.command()
def get(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Print all that is known of a job as JSON: status, progress, resolved settings, attempts, result or error.

    Example:

        ninefold jobs get job_01k5…
    """
    with connect(url, api_key) as client:
        typer.echo(json.dumps(client.job(job_id), indent=2, ensure_ascii=False))


@jobs.command()
def logs(
    job_id: JobId,
    tail: Annotated[int, typer.Option(help="Number of lines, the newest ones.", min=1, max=2000)] = 500,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Print the log of a job: what its training said, and the traceback where it failed.

    Example:

        ninefold jobs logs job_01k5… --tail 50
    """
    with connect(url, api_key) as client:
        for line in client.logs(job_id, tail):
            typer.echo(line)


@workers.command("list")
def list_workers(*, as_json: AsJson = False, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """List the live workers: id, state, devices, lanes, and what each one runs.

    Example:

        ninefold workers list
    """
    with connect(url, api_key) as client:
        print_table(client.workers(), _worker_cells, as_json=as_json)


def print_each(items: "Iterable[Json]", describe: "Callable[[Json], str]", *, as_json: bool) -> None:
    """Print a line for each item: its description, or its JSON."""
    for item in items:
        typer.echo(json.dumps(item, ensure_ascii=False) if as_json else describe(item))


def print_table(items: "Iterable[Json]", cells: "Callable[[Json], Sequence[str]]", *, as_json: bool) -> None:
    """Print a line for each item: its cells, those of all lines below each other, or its JSON."""
    if as_json:
        print_each(items, str, as_json=True)
        return
    for line in aligned([cells(item) for item in items]):
        typer.echo(line)


def aligned(rows: "Sequence[Sequence[str]]") -> list[str]:
    """Return the rows as lines, with the cells of a column below each other; a cell that is very long moves only its own row."""
    widths: dict[int, int] = {}
    for row in rows:
        for place, cell in enumerate(row[:-1]):
            if len(cell) <= _WIDEST_COLUMN:
                widths[place] = max(widths.get(place, 0), len(cell))
    padded = ([*(cell.ljust(widths.get(i, 0)) for i, cell in enumerate(row[:-1])), row[-1]] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]


def _dataset_names(client: "Client") -> dict[str, str]:
    """Return the name of each dataset by its id, with the version if it is a later one than the first."""
    versions = ((one, one.get("version") or 1) for one in client.datasets())
    return {one["id"]: f"{one['name']}@{n}" if n > 1 else one["name"] for one, n in versions}


def _job_cells(job: "Json", dataset_names: dict[str, str]) -> list[str]:
    if job.get("result"):
        state = f"test accuracy {job['result']['test_accuracy']:.1%}"
    elif job.get("error"):
        state = job["error"]["code"]
    elif job["status"] == "queued":
        state = (job.get("queued_reason") or "").replace("_", " ")
    else:
        state = f"{job['progress']['fraction']:.0%}" if job.get("progress") else ""
    dataset = job["spec"]["dataset"]
    return [job["id"], job["status"], job["name"], dataset_names.get(dataset, dataset), state]


def _worker_cells(worker: "Json") -> list[str]:
    devices, lanes = ",".join(worker["devices"]), ",".join(worker["lanes"])
    return [worker["id"], worker["state"], devices, lanes, worker["job_id"] or ""]
