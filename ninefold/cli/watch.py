"""The command that shows a job's progress until its end, and prints the result."""

from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.client import Client
    from ninefold.client.transport import Json

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job, as printed by submit.")]


def watch(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Show the progress of a job until the job ends. Ctrl-C stops watching; the job continues.

    Example:

        ninefold watch job_01k5…
    """
    with connect(url, api_key) as client:
        typer.echo(next_command(follow(client, job_id)))


def follow(client: "Client", job_id: str) -> "Json":
    """Show the progress of a job until the job ends, print its result, and return its record.

    Raises JobFailedError unless the job succeeded.
    """
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s

    from ninefold.cli.job_view import job_view  # noqa: PLC0415 - imports rich
    from ninefold.client.client import require_success  # noqa: PLC0415 - imports httpx

    console = Console()
    with job_view(console) as view:
        for event in client.events(job_id):
            view.show(event)
    job = require_success(client.job(job_id))
    console.print(summary(job), highlight=False, soft_wrap=True)
    return job


def summary(job: "Json") -> str:
    """Describe the result of a job that succeeded: test accuracy and model."""
    result = job.get("result")
    if not result:
        raise NinefoldError(f"{job['id']} succeeded, but its record has no result", code="unexpected_answer")
    low, high = result["ci95"]
    model = result["model"]
    lines = [
        f"test accuracy {result['test_accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})",
        f"model {model['name']}:{model['version']}  {model['id']}",
    ]
    if promotion := result.get("promotion"):
        lines.append(f"promotion: {promotion['detail']}")
    if source := job["spec"].get("extended_from"):
        lines.append(f"continued {source['job']} after epoch {source['epochs']}")
        if job["best"] is None and (job["metrics"] or {}).get("val_accuracy") is not None:
            lines.append(
                f"no new epoch has a better validation score: the weights are those of {source['model']}"
            )
    if rerun := result.get("rerun"):
        lines.append(rerun_line(rerun))
    return "\n".join(lines)


def rerun_line(rerun: "Json") -> str:
    """Say whether the weights are equal to those of the job that was repeated, and what differed."""
    words = {True: "equal to those", False: "other than those", None: "not comparable with those"}
    differences = f" ({', '.join(rerun['differences'])})" if rerun["differences"] else ""
    return f"the weights are {words[rerun['reproduced']]} of {rerun['of']}{differences}"


def next_command(job: "Json") -> str:
    """Name the command that classifies images with the job's model."""
    model = job["result"]["model"]
    return f"Classify with: ninefold predict FILE --model {model['name']}:{model['version']}"
