"""Commands that change what becomes of a job: stop, pause, resume, cancel."""

from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id that submit printed.")]


def stop(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """End a job early and publish its best epoch so far.

    Example:

        ninefold stop job_01k5…
    """
    with connect(url, api_key) as client:
        say(client.stop(job_id))


def pause(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Save a checkpoint and free the device for other jobs.

    Example:

        ninefold pause job_01k5…
    """
    with connect(url, api_key) as client:
        say(client.pause(job_id))


def resume(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Queue a paused job again; it goes on from its checkpoint.

    Example:

        ninefold resume job_01k5…
    """
    with connect(url, api_key) as client:
        say(client.resume(job_id))


def cancel(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """End a job without a model.

    Example:

        ninefold cancel job_01k5…
    """
    with connect(url, api_key) as client:
        say(client.cancel(job_id))


def say(job: "Json") -> None:
    """Tell where the job stands now."""
    typer.echo(f"{job['id']} {job['status']}")
