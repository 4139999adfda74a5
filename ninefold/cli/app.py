"""The `ninefold` command. Subcommands import slow modules only when they run, so that `--help` is fast."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ninefold.cli import (
    compare,
    demo,
    jobs,
    listings,
    predict,
    services,
    up,
    upkeep,
    watch,
)
from ninefold.cli.datasets.app import app as datasets
from ninefold.cli.hints import as_commands
from ninefold.cli.models.app import app as models
from ninefold.cli.predictions.app import app as predictions
from ninefold.errors import NinefoldError, UnreachableError

FAILED_STATUS = 1
UNREACHABLE_STATUS = 3
CTRL_C_STATUS = 130


class Commands(TyperGroup):
    """Prints a NinefoldError as one line and exits with a status, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen subcommand."""
        try:
            return super().invoke(ctx)
        except NinefoldError as error:
            typer.secho(f"ninefold: {as_commands(error.detail)}", err=True, fg=typer.colors.RED)
            is_unreachable = isinstance(error, UnreachableError)
            raise typer.Exit(UNREACHABLE_STATUS if is_unreachable else FAILED_STATUS) from None
        except KeyboardInterrupt:
            raise typer.Exit(CTRL_C_STATUS) from None
        except RuntimeError as error:
            # A Ctrl-C during the import of a class: Python 3.11 wraps errors of __set_name__ in RuntimeError.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise typer.Exit(CTRL_C_STATUS) from None
            raise


app = typer.Typer(
    cls=Commands,
    help="Training as a service: submit a training job, watch it live, classify images with the model it made.",
    epilog="Begin with: ninefold demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"ninefold {version('ninefold')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before a command."""


app.command()(up.up)
services.register(app)
app.command()(demo.demo)
app.command()(jobs.submit)
app.command()(watch.watch)
app.command()(jobs.stop)
app.command()(jobs.pause)
app.command()(jobs.resume)
app.command()(jobs.cancel)
app.command()(compare.compare)
app.command()(predict.predict)
app.command()(services.mcp)
app.command()(upkeep.backup)
app.command()(upkeep.restore)
app.command()(upkeep.gc)
app.command()(upkeep.reindex)
app.add_typer(datasets, name="datasets")
app.add_typer(listings.jobs, name="jobs")
app.add_typer(models, name="models")
app.add_typer(predictions, name="predictions")
app.add_typer(listings.workers, name="workers")
