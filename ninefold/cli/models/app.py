"""The commands below `ninefold models`."""

import typer

from ninefold.cli.models import aliases, compare, evaluation, files, listing, review, shadow, starter

app = typer.Typer(
    help="List and look at models; promote a version, roll back, read the history; download, export, import or delete one.",
    epilog="Example: ninefold models list --name flowers",
    no_args_is_help=True,
)
app.command("list")(listing.list_models)
app.command()(listing.get)
app.command()(evaluation.evaluation)
app.command()(evaluation.images)
app.command()(compare.compare)
app.command()(aliases.promote)
app.command()(shadow.shadow)
app.command()(review.review)
app.command()(aliases.rollback)
app.command()(aliases.history)
app.command()(files.download)
app.command()(files.export)
app.command("import")(files.import_)
app.command()(files.delete)
app.add_typer(starter.app, name="starter")
