"""The commands below `ninefold datasets`."""

import typer

from ninefold.cli.datasets import images, imports, report, versions

app = typer.Typer(
    help="Add, list, look into and correct datasets; download or delete one; cancel an import.",
    epilog="Example: ninefold datasets add flowers/",
    no_args_is_help=True,
)
app.command()(imports.add)
app.command("list")(imports.list_all)
app.command()(imports.cancel)
app.command()(imports.delete)
app.command()(report.report)
app.command()(images.images)
app.command()(versions.correct)
app.command()(versions.download)
