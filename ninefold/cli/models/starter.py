"""The command that makes the starter, from whose weights small sets start."""

from typing import Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.jobs import parse_fields, show_submitted, with_fields
from ninefold.client.address import DEFAULT_URL

app = typer.Typer(
    help="The model `starter`: the weights that sets of few photos start from.",
    epilog="Example: ninefold models starter build --watch",
    no_args_is_help=True,
)


@app.callback()
def _commands() -> None:
    """Keep `build` a command below `starter`, though it is the only one."""


@app.command()
def build(
    dataset: Annotated[
        str, typer.Option(help="What the starter is trained on: a large set of images like yours.")
    ] = "cifar10",
    minutes: Annotated[
        float | None, typer.Option(help="Train for this long, with as many epochs as fit.", min=0.1)
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of the job; may be repeated."),
    ] = None,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show the progress until the job ends.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Train the model `starter`. Jobs on few photos then start from its weights, and say so.

    The first one is used once its job has succeeded; a later one once it is promoted.

    Examples:

        ninefold models starter build --watch

        ninefold models starter build --dataset my-many-photos --minutes 60

        ninefold models promote starter:2
    """
    budget = {} if minutes is None else {"time_budget_s": 60 * minutes}
    spec = with_fields({"name": "starter"} | budget, parse_fields(option or []), "--set")
    with connect(url, api_key) as client:
        job = client.build_starter(dataset, **spec)
        show_submitted(client, job, watch=watch)
