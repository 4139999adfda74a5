"""Commands about jobs: submit one, watch one."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import JobFailedError, NinefoldError

if TYPE_CHECKING:
    from ninefold.client.client import Client
    from ninefold.client.transport import Json


def submit(
    dataset: Annotated[
        str, typer.Argument(help="Name or id: digits, cifar10, cifar100, fashion-mnist, or one of your own.")
    ],
    *,
    name: Annotated[str | None, typer.Option(help="Name of the model; by default the dataset's.")] = None,
    recipe: Annotated[str | None, typer.Option(help="fast, thorough or classic.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often each image is seen.", min=1)] = None,
    init_from: Annotated[str | None, typer.Option(help="A model whose weights to start from.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels, 16 to 224.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same model.", min=0)] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A label to find the job by; may be repeated.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of a job; may be repeated."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay and show its progress.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Train a model. What you leave open is chosen from the dataset and the device.

    Examples:

        ninefold submit digits --watch

        ninefold submit flowers --recipe thorough --image-size 64 --tag first-try

        ninefold submit cifar10 --set batch_size=256 --set learning_rate=0.4
    """
    given = {
        "name": name,
        "recipe": recipe,
        "epochs": epochs,
        "init_from": init_from,
        "image_size": image_size,
        "seed": seed,
        "tags": tag,
    }
    spec = {field: value for field, value in given.items() if value is not None} | parse_fields(option or [])
    with connect(url, api_key) as client:
        job = client.submit(dataset, **spec)
        typer.echo(job["id"])
        for warning in job.get("warnings") or []:
            typer.secho(f"warning: {warning}", err=True, fg=typer.colors.YELLOW)
        if watch:
            typer.echo(next_command(follow(client, job["id"])))
        else:
            typer.echo(f"Watch it with: ninefold watch {job['id']}", err=True)


def watch(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help="The id that submit printed.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Show a job's progress until its end. Ctrl-C stops watching, not the job.

    Example:

        ninefold watch job_01k5…
    """
    with connect(url, api_key) as client:
        typer.echo(next_command(follow(client, job_id)))


def parse_fields(options: list[str]) -> dict[str, Any]:
    """`FIELD=VALUE` words as a spec; values are JSON where they can be."""
    fields: dict[str, Any] = {}
    for option in options:
        field, equals, text = option.partition("=")
        if not equals:
            raise typer.BadParameter(
                f"{option!r} is not FIELD=VALUE, such as batch_size=256", param_hint="--set"
            )
        try:
            fields[field] = json.loads(text)
        except json.JSONDecodeError:
            fields[field] = text
    return fields


def follow(client: "Client", job_id: str) -> "Json":
    """Show a job until its end and return it; raises JobFailedError unless it succeeded."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second

    from ninefold.cli.progress import job_view  # noqa: PLC0415

    console = Console()
    with job_view(console) as view:
        for event in client.events(job_id):
            view.show(event)
    job = client.job(job_id)
    if job["status"] != "succeeded":
        error = job.get("error") or {"code": job["status"], "message": f"the job was {job['status']}"}
        raise JobFailedError(job_id, error["message"], error["code"])
    console.print(summary(job), highlight=False, soft_wrap=True)
    return job


def summary(job: "Json") -> str:
    """What came out of a job."""
    result = job.get("result")
    if not result:
        raise NinefoldError(f"{job['id']} succeeded, but names no result", code="unexpected_answer")
    low, high = result["ci95"]
    model = result["model"]
    return (
        f"test accuracy {result['test_accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})\n"
        f"model {model['name']}:{model['version']}  {model['id']}"
    )


def next_command(job: "Json") -> str:
    """How to use the model that a job made."""
    model = job["result"]["model"]
    return f"Classify with: ninefold predict FILE --model {model['name']}:{model['version']}"
