"""Commands that list jobs and workers: a line for each, or one JSON object a line."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ninefold.client.transport import Json

jobs = typer.Typer(help="List jobs.", no_args_is_help=True)
workers = typer.Typer(help="List workers.", no_args_is_help=True)

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
        print_each(islice(client.jobs(**given), limit), _describe_job, as_json=as_json)


@workers.command("list")
def list_workers(*, as_json: AsJson = False, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """List the live workers: id, state, devices, lanes, and what each one runs.

    Example:

        ninefold workers list
    """
    with connect(url, api_key) as client:
        print_each(client.workers(), _describe_worker, as_json=as_json)


def print_each(items: "Iterable[Json]", describe: "Callable[[Json], str]", *, as_json: bool) -> None:
    """Print a line for each item: its description, or its JSON."""
    for item in items:
        typer.echo(json.dumps(item, ensure_ascii=False) if as_json else describe(item))


def _describe_job(job: "Json") -> str:
    if job.get("result"):
        state = f"test accuracy {job['result']['test_accuracy']:.1%}"
    elif job.get("error"):
        state = job["error"]["code"]
    elif job["status"] == "queued":
        state = (job.get("queued_reason") or "").replace("_", " ")
    else:
        state = f"{job['progress']['fraction']:.0%}" if job.get("progress") else ""
    return f"{job['id']}  {job['status']}  {job['name']}  {job['spec']['dataset']}  {state}".rstrip()


def _describe_worker(worker: "Json") -> str:
    devices, lanes = ",".join(worker["devices"]), ",".join(worker["lanes"])
    return f"{worker['id']}  {worker['state']}  {devices}  {lanes}  {worker['job_id'] or ''}".rstrip()
