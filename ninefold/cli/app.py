"""The command line. Commands import what they need when they run, so that help is quick."""

from typing import Any

import typer
from typer.core import TyperGroup

from ninefold.cli import control, datasets, demo, jobs, predict, services, upkeep
from ninefold.errors import NinefoldError

CTRL_C_STATUS = 130


class Commands(TyperGroup):
    """Turns our errors into one line and a status, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except NinefoldError as error:
            typer.secho(f"ninefold: {error.detail}", err=True, fg=typer.colors.RED)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(CTRL_C_STATUS) from None
        except RuntimeError as error:
            # Python 3.11 wraps what a class body's fields raise, also a Ctrl-C that comes while a module is imported.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise typer.Exit(CTRL_C_STATUS) from None
            raise


app = typer.Typer(
    cls=Commands,
    help="Training as a service: post a job, watch it live, classify images with the model it made.",
    epilog="Begin with: ninefold demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
services.register(app)
app.command()(demo.demo)
app.command()(jobs.submit)
app.command()(jobs.watch)
app.command()(control.stop)
app.command()(control.pause)
app.command()(control.resume)
app.command()(control.cancel)
app.command()(predict.predict)
app.command()(upkeep.backup)
app.command()(upkeep.restore)
app.command()(upkeep.gc)
app.command()(upkeep.reindex)
app.add_typer(datasets.app, name="datasets")
