"""Commands that submit a job and change its course: submit, stop, pause, resume, cancel."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.hints import as_commands
from ninefold.cli.watch import JobId, follow, next_command
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold import Client
    from ninefold.client.transport import Json


def submit(
    dataset: Annotated[
        str | None,
        typer.Argument(
            help="Name or id of a dataset: digits, cifar10, cifar100, fashion-mnist, or one that you added."
        ),
    ] = None,
    *,
    rerun_of: Annotated[
        str | None,
        typer.Option(
            metavar="JOB",
            help="Repeat a job, with its dataset, settings and recipe, to see whether its weights are the same.",
        ),
    ] = None,
    extend: Annotated[
        str | None,
        typer.Option(
            metavar="JOB",
            help="Train a succeeded job longer, from where it ended: with --epochs, how many more.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the model. Default: the name of the dataset.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Training recipe: fast, thorough or classic.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.", min=1)] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="End early after this many epochs without a better validation score.", min=1),
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(help="Model whose weights training starts from, such as flowers:2 or starter."),
    ] = None,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Start from no model, also where a small set would.")
    ] = False,
    promote: Annotated[
        str | None,
        typer.Option(help="When the model becomes production: first, if_better or never. Default: first."),
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the images in pixels, 16 to 224.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Random seed; the same seed gives the same model.", min=0)
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(help="Queued jobs of a higher priority run first; default 0.", min=-100, max=100),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A label to find the job by; may be repeated.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Any other field of the job, see /docs; may be repeated."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show the progress until the job ends.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Submit a training job. Options that you leave out are chosen from the dataset and the device.

    Examples:

        ninefold submit digits --watch

        ninefold submit flowers --recipe thorough --image-size 64 --tag first-try

        ninefold submit cifar10 --set batch_size=256 --set learning_rate=0.4

        ninefold submit --rerun-of job_01k5… --watch

        ninefold submit --extend job_01k5… --epochs 10 --watch
    """
    if sum(source is not None for source in (dataset, rerun_of, extend)) != 1:
        raise typer.BadParameter(
            "name either a dataset, or a job: --rerun-of JOB repeats it, --extend JOB --epochs N trains it longer"
        )
    given = {
        "name": name,
        "recipe": recipe,
        "epochs": epochs,
        "patience": patience,
        "init_from": init_from,
        "promote": promote,
        "image_size": image_size,
        "seed": seed,
        "priority": priority,
        "tags": tag,
    }
    spec = {field: value for field, value in given.items() if value is not None}
    spec = with_fields(spec, {"init_from": None} if random_weights else {}, "--random-weights")
    spec = with_fields(spec, parse_fields(option or []), "--set")
    with connect(url, api_key) as client:
        if extend:
            job = client.extend(extend, **spec)
        else:
            job = client.rerun(rerun_of, **spec) if rerun_of else client.submit(dataset or "", **spec)
        show_submitted(client, job, watch=watch)


def show_submitted(client: "Client", job: "Json", *, watch: bool) -> None:
    """Print the id and the warnings of a new job, and its progress with `watch`."""
    typer.echo(job["id"])
    for warning in job.get("warnings") or []:
        typer.secho(f"warning: {as_commands(warning)}", err=True, fg=typer.colors.YELLOW)
    if watch:
        typer.echo(next_command(follow(client, job["id"])))
    else:
        typer.echo(f"Watch it with: ninefold watch {job['id']}", err=True)


def stop(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """End a job early and publish the model of its best epoch so far.

    Example:

        ninefold stop job_01k5…
    """
    with connect(url, api_key) as client:
        print_status(client.stop(job_id))


def pause(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Pause a job: save a checkpoint and free the device for other jobs.

    Example:

        ninefold pause job_01k5…
    """
    with connect(url, api_key) as client:
        print_status(client.pause(job_id))


def resume(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Queue a paused job again; training continues from its checkpoint.

    Example:

        ninefold resume job_01k5…
    """
    with connect(url, api_key) as client:
        print_status(client.resume(job_id))


def cancel(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """End a job without publishing a model.

    Example:

        ninefold cancel job_01k5…
    """
    with connect(url, api_key) as client:
        print_status(client.cancel(job_id))


def print_status(job: "Json") -> None:
    """Print a job's id and current status."""
    typer.echo(f"{job['id']} {job['status']}")


def with_fields(spec: dict[str, Any], fields: dict[str, Any], option: str) -> dict[str, Any]:
    """Add the fields of an option to a spec; raises typer.BadParameter if another option has set one of them."""
    if twice := sorted(spec.keys() & fields.keys()):
        raise typer.BadParameter(
            f"{twice[0]} is set by another option, too: leave one out", param_hint=option
        )
    return spec | fields


def parse_fields(options: list[str]) -> dict[str, Any]:
    """Parse `FIELD=VALUE` options, each with another field. A value that is valid JSON is parsed as JSON; any other value is a string."""
    fields: dict[str, Any] = {}
    for option in options:
        field, equals, text = option.partition("=")
        if not equals:
            raise typer.BadParameter(
                f"{option!r} is not FIELD=VALUE, such as batch_size=256", param_hint="--set"
            )
        if field in fields:
            raise typer.BadParameter(f"{field} is set twice: leave one out", param_hint="--set")
        try:
            fields[field] = json.loads(text)
        except json.JSONDecodeError:
            fields[field] = text
    return fields
