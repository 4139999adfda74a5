"""The command that compares jobs."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson
from ninefold.cli.watch import JobId
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json


def compare(
    job_id: JobId,
    others: Annotated[
        list[str], typer.Argument(metavar="JOB…", help="One job or several to compare it with.")
    ],
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Compare jobs: the settings that differ, and how far each has come. With --json the metrics of every epoch too.

    Example:

        ninefold compare job_01k5… job_01k6…
    """
    with connect(url, api_key) as client:
        found = client.compare_jobs(job_id, *others)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in [*map(_job_line, found["jobs"]), *setting_lines(found)]:
        typer.echo(line)
    if found["models"]:
        models = " ".join(job["result"]["model"]["id"] for job in found["jobs"])
        typer.echo(f"Compare their models with: ninefold models compare {models}")


def _job_line(job: "Json") -> str:
    epochs = len(job["epochs"])
    parts = [job["id"], job["name"], job["status"], f"{epochs} epoch{'s' if epochs != 1 else ''}"]
    if (best := job["best"]) and best["val_accuracy"] is not None:
        parts.append(f"validation accuracy {best['val_accuracy']:.1%} at the best epoch, {best['epoch']}")
    if result := job["result"]:
        low, high = result["ci95"]
        parts.append(f"test accuracy {result['test_accuracy']:.1%} ({low:.1%} to {high:.1%})")
    return "  ".join(parts)


def setting_lines(found: "Json") -> list[str]:
    """Return a line for each setting that differs."""
    return [
        f"  {setting['name']}: {' | '.join(json.dumps(value) for value in setting['values'])}"
        for setting in found["settings"]
    ]
