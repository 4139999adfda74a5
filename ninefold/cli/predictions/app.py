"""The commands below `ninefold predictions`: many images that the service classifies as work of its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson, print_table
from ninefold.cli.predictions.options import Coverage, MinScore, TopK, Tta
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.transport import Json

app = typer.Typer(
    help="Classify all images of a dataset or a zip; list, look at, download or delete such predictions.",
    epilog="Example: ninefold predictions create flowers --dataset garden-photos",
    no_args_is_help=True,
)
PredictionId = Annotated[str, typer.Argument(metavar="PRD", help="prd_…")]


@app.command()
def create(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, name:version or id of a model.")],
    *,
    dataset: Annotated[str | None, typer.Option(help="Classify the images of this dataset.")] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="test|train|all",
            help="With --dataset: which of its images. Default: test.",
            show_default=False,
        ),
    ] = None,
    zip_file: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="Classify the images of this zip.")
    ] = None,
    top_k: TopK = 5,
    min_score: MinScore = None,
    tta: Tta = False,
    coverage: Coverage = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Classify all images of a dataset's split or of a zip, and wait for the end.

    Examples:

        ninefold predictions create flowers --dataset garden-photos --split all

        ninefold predictions create flowers:2 --zip photos.zip --min-score 0.9

        ninefold predictions create flowers@production --zip photos.zip --coverage 0.95
    """
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s
    from rich.progress import Progress  # noqa: PLC0415

    if (dataset is None) == (zip_file is None):
        raise NinefoldError("Give either --dataset or --zip.", code="usage")
    if split and not dataset:
        raise NinefoldError("--split needs --dataset: of a zip all images are classified.", code="usage")
    console = Console(stderr=True)
    with (
        connect(url, api_key) as client,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("classifying", total=1.0)

        def show(progress: "Json") -> None:
            bar.update(task, completed=progress["fraction"])

        options: Json = {"top_k": top_k, "min_score": min_score, "tta": tta, "coverage": coverage}
        try:
            if zip_file is not None:
                found = client.predict_zip(model, zip_file, on_progress=show, **options)
            else:
                found = client.predict_dataset(
                    model, dataset or "", split or "test", on_progress=show, **options
                )
        except KeyboardInterrupt:
            typer.echo("What the service has, it classifies. Look with: ninefold predictions list", err=True)
            raise
    print_table([found], _cells, as_json=as_json)


@app.command("list")
def list_predictions(
    *,
    model: Annotated[str | None, typer.Option(help="Only those of this model.")] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List batch predictions, newest first.

    Example:

        ninefold predictions list --model flowers
    """
    with connect(url, api_key) as client:
        print_table(client.predictions(model), _cells, as_json=as_json)


@app.command()
def get(prediction_id: PredictionId, *, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Print a batch prediction as JSON.

    Example:

        ninefold predictions get prd_01j8z0q4w6s8y0a2c4e6g8k0mn
    """
    with connect(url, api_key) as client:
        typer.echo(json.dumps(client.prediction(prediction_id), indent=2))


@app.command()
def download(
    prediction_id: PredictionId,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A new file; .csv for CSV.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Write the rows to a file: CSV if its name ends so, else a JSON object a line.

    Example:

        ninefold predictions download prd_01j8z0q4w6s8y0a2c4e6g8k0mn -o rows.csv
    """
    with connect(url, api_key) as client:
        client.download_prediction(prediction_id, out, "csv" if out.suffix.lower() == ".csv" else "jsonl")


@app.command()
def delete(prediction_id: PredictionId, *, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Cancel a batch prediction that has not ended; delete one that has, with its rows.

    Example:

        ninefold predictions delete prd_01j8z0q4w6s8y0a2c4e6g8k0mn
    """
    with connect(url, api_key) as client:
        client.delete_prediction(prediction_id)


def _cells(found: "Json") -> list[str]:
    name = f"{found['name']}:{found['version']}"
    of = found["dataset"] or "zip"
    result = found["result"]
    said = (
        f"{result['images']} images, {result['failed']} failed, {result['abstained']} unsure"
        if result
        else ""
    )
    return [found["id"], found["status"], name, of, said]
