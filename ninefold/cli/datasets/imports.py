"""Commands about datasets: add one, list all, delete one, cancel an import."""

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.datasets.descriptions import (
    cells,
    describe,
    describe_not_sent,
    describe_skipped,
    describe_warnings,
)
from ninefold.cli.listings import aligned
from ninefold.client.address import DEFAULT_URL
from ninefold.client.datasets.import_options import ImportOptions
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.client import Client
    from ninefold.client.transport import Json

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ID_PREFIXES = ("job_", "mdl_", "ds_", "imp_")
_BUILT_IN = ("digits", "cifar10", "cifar100", "fashion-mnist")


def add(
    path: Annotated[
        str,
        typer.Argument(
            help="A folder of images, or a zip file of one; or file://, s3://, https://, hf:// or built-in://, read by the service.",
            show_default=False,
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset. Default: the name of the folder or file.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The table of images and classes, in the folder or zip, or beside the folder.",
        ),
    ] = None,
    path_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The table's column with the names of the images.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The table's column with the classes.")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The table's column with train, test or val.")
    ] = None,
    class_folder: Annotated[
        str | None,
        typer.Option(
            metavar="outer|inner",
            help="Which folder names the class when folders hold folders. Default: outer.",
        ),
    ] = None,
    min_images: Annotated[
        int | None, typer.Option(min=1, help="Leave out classes with fewer usable images than this.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Upload images as a dataset: a folder for each class, optionally under train/ and test/, or a table of the classes.

    Tables are recognised by their columns; where that is not certain, the answer says which options to add.

    Ctrl-C aborts an upload; once the upload is complete, it only stops watching: the import continues on the service.

    Examples:

        ninefold datasets add flowers/

        ninefold datasets add photos.zip --name holiday

        ninefold datasets add s3://bucket/photos --name photos

        ninefold datasets add dogs/ --labels dogs.csv --path-column id --label-column breed
    """
    if "://" not in path and not Path(path).exists():
        raise typer.BadParameter(f"Path '{path}' does not exist.", param_hint="PATH")
    options = ImportOptions(labels, path_column, label_column, split_column, class_folder, min_images)
    with connect(url, api_key) as client:
        dataset = _add(client, path, _choose_name(path, name), options)
    typer.echo(describe(dataset))
    for line in [*describe_skipped(dataset), *describe_warnings(dataset)]:
        typer.echo(line, err=True)
    typer.echo(f"Train with: ninefold submit {dataset['name']} --watch", err=True)


def _add(client: "Client", path: str, name: str, options: ImportOptions) -> "Json":
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s

    from ninefold.cli.datasets.progress_view import dataset_view  # noqa: PLC0415 - imports rich and httpx

    view = dataset_view(Console(stderr=True))
    not_sent: list[str] = []
    try:
        with view:
            return client.add_dataset(path, name, view.show, **vars(options), on_not_sent=not_sent.extend)
    except KeyboardInterrupt:
        typer.echo(after_interruption(name, is_uploaded=view.progress.is_uploaded), err=True)
        raise
    finally:
        for line in describe_not_sent(not_sent):
            typer.echo(line, err=True)


def _choose_name(text: str, given: str | None) -> str:
    """Return the name for the dataset of a path or address, and say so if it is not simply the name of the folder or file."""
    if given is not None and not _NAME.fullmatch(given):
        raise NinefoldError(
            f"{given!r} cannot be a dataset's name: use 1 to 64 lower-case letters, digits, dots, dashes or underscores, "
            f"and begin with a letter or digit. Try --name {legal_name(given)}.",
            code="invalid_name",
        )
    path = Path(text)
    if "://" in text:
        own = text.rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(".zip")
    else:
        own = path.resolve().name if path.is_dir() else path.resolve().stem
    name = given or legal_name(own)
    if name not in (given, own):
        typer.echo(f"The dataset is named {name}; --name gives it another name.", err=True)
    return name


def legal_name(text: str) -> str:
    """Return a name that the service accepts, as close to the text as possible."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9._-]+", "-", plain).lstrip("._-")[:64].rstrip("._-") or "images"
    if name.startswith(_ID_PREFIXES):
        return name.replace("_", "-", 1)
    return f"my-{name}" if name in _BUILT_IN else name


def list_all(url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """List all datasets: first those that are being imported, were rejected or cancelled, then the others, newest first.

    Example:

        ninefold datasets list
    """
    later_versions_of = set[str]()
    rows = []
    with connect(url, api_key) as client:
        for dataset in client.datasets():
            name = dataset["name"]
            rows.append(cells(dataset, shows_version=name in later_versions_of))
            if (dataset.get("version") or 1) > 1:
                later_versions_of.add(name)
    for line in aligned(rows):
        typer.echo(line)


def cancel(
    name: Annotated[str, typer.Argument(help="Name or id of a dataset that is being imported.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Cancel the import of a dataset. Jobs that wait for the dataset fail.

    Example:

        ninefold datasets cancel flowers
    """
    with connect(url, api_key) as client:
        dataset = client.cancel_dataset(name)
    state = "is being cancelled" if dataset["status"] == "processing" else dataset["status"]
    typer.echo(f"{dataset['name']}  {dataset['id']}  {state}")


def delete(
    name: Annotated[
        str, typer.Argument(help="Name, name@version or id of a dataset, or id of an import (imp_…).")
    ],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Delete a dataset, or one version of it; refused while a job needs it. Models that were trained on it stay.

    An import that has not ended is cancelled first; a rejected or cancelled one is removed from the list.

    Example:

        ninefold datasets delete flowers@1
    """
    with connect(url, api_key) as client:
        client.delete_dataset(name)
    typer.echo(f"{name}  deleted")


def after_interruption(name: str, *, is_uploaded: bool) -> str:
    """Tell what Ctrl-C did, and what to do next."""
    if is_uploaded:
        return f"{name} is still being imported. Look with: ninefold datasets list"
    return "The upload was aborted; nothing of it is kept."
