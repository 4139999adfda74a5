"""The commands that show how good a model is, and list the images behind it."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson, print_each
from ninefold.cli.models.listing import Ref
from ninefold.cli.overlays import overlay_paths, write_explanation
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold import Client
    from ninefold.client.transport import Json

_SPLITS = {"train": "the training", "all": "all"}
SHOWN_CLASSES = 40
SHOWN_CONFUSIONS = 8
SHOWN_THRESHOLDS = (0.5, 0.7, 0.9, 0.95)


def evaluation(
    ref: Ref,
    *,
    dataset: Annotated[
        str | None,
        typer.Option(help="Evaluate the model on this dataset instead of the test images of its own."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="test|train|all",
            help="With --dataset: which of its images. Default: test.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the evaluation as a JSON object.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Show how good a model is: accuracy with its interval, calibration, each class, and the most frequent confusions.

    Examples:

        ninefold models evaluation flowers

        ninefold models evaluation flowers:3 --json

        ninefold models evaluation flowers --dataset garden-photos --split all
    """
    if split and not dataset:
        raise typer.BadParameter("needs --dataset", param_hint="--split")
    with connect(url, api_key) as client:
        found = _evaluate(client, ref, dataset, split or "test") if dataset else client.evaluation(ref)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in describe(found):
        typer.echo(line)


def _evaluate(client: "Client", ref: str, dataset: str, split: str) -> "Json":
    """Evaluate a model on a dataset, with a bar on a terminal, and return the evaluation."""
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("evaluating", total=1.0)
        run = client.evaluate(
            ref, dataset, split, lambda progress: bar.update(task, completed=progress["fraction"])
        )
    found: Json = run["evaluation"]
    return found


def images(
    ref: Ref,
    *,
    evaluation_id: Annotated[
        str | None,
        typer.Option("--evaluation", metavar="EVL", help="Of this evaluation on another dataset: evl_…"),
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="CLASS", help="Only images of this class.")] = None,
    predicted: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Only images that the model takes for this class.")
    ] = None,
    order: Annotated[
        str, typer.Option(metavar="worst|best", help="worst: the surest mistakes first.")
    ] = "worst",
    limit: Annotated[int, typer.Option(min=1, help="Largest number of images.")] = 20,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write there for each image where the model looked, as a PNG."),
    ] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List test images of a model's dataset: id, label, what the model takes it for, and both probabilities.

    Examples:

        ninefold models images flowers

        ninefold models images flowers --label rose --predicted tulip --json

        ninefold models images flowers --explain mistakes/
    """
    with connect(url, api_key) as client:
        found = client.evaluation_images(
            ref, label=label, predicted=predicted, order=order, evaluation_id=evaluation_id
        )
        shown = _explained(client, islice(found, limit), explain) if explain else islice(found, limit)
        print_each(shown, _describe_image, as_json=as_json)


def _explained(client: "Client", images: "Iterator[Json]", folder: Path) -> "Iterator[Json]":
    """Yield the images again, after the picture of each is written."""
    for image in images:
        explanation = client.explain_image(image)["explanation"]
        (path,) = overlay_paths([Path(image["image"])], folder)
        write_explanation(path, explanation)
        yield image


def _training_overlap(overlap: "Json | None") -> Iterator[str]:
    """Yield the lines about images that the model has seen in its training."""
    if overlap is None:
        return
    if overlap["trained_on"] or overlap["near_training"]:
        yield f"seen in its training: {overlap['trained_on']:,} images, and {overlap['near_training']:,} that look nearly like one"
        unseen = overlap["unseen"]
        yield (
            f"on the {unseen['images']:,} other images: accuracy {unseen['accuracy']:.1%}  {_interval(unseen['ci95'])}"
            if unseen
            else "no other image is left: these scores do not tell how good the model is on new images"
        )
    if not overlap["is_complete"]:
        yield "not all training images of the model are known: it may have seen more of these"


def describe(found: "Json") -> Iterator[str]:
    """Yield the lines that describe an evaluation."""
    model, dataset = found["model"], found["dataset"]
    yield f"{model['name']}:{model['version']}  {model['id']}  on {_SPLITS.get(found['split'], 'the test')} images of {dataset['name']} ({dataset['id']})"
    for name, images in found["unknown_classes"].items():
        yield f"not counted: {images:,} images of {name}, a class that the model does not have"
    yield from _training_overlap(found.get("training_overlap"))
    yield ""
    groups = "" if found["groups"] == found["images"] else f", in {found['groups']:,} groups"
    yield f"accuracy           {found['accuracy']:>7.1%}  {_interval(found['ci95'])}  {found['images']:,} images{groups}"
    if groups:
        yield f"  by groups                 {_interval(found['ci95_by_group'])}"
    yield f"balanced accuracy  {found['balanced_accuracy']:>7.1%}"
    for k, share in found["top_k"].items():
        yield f"top {k:<15}{share:>7.1%}"
    calibration = found["calibration"]
    yield f"log loss           {found['log_loss']:>7.3f}  {found['log_loss_uncalibrated']:.3f} without the temperature"
    yield f"calibration error  {calibration['ece']:>7.1%}  {calibration['ece_uncalibrated']:.1%} without the temperature"
    for one in found["thresholds"]:
        if one["min_score"] in SHOWN_THRESHOLDS and one["images"]:
            yield f"score >= {one['min_score']:<9}{one['accuracy']:>7.1%}  {_interval(one['ci95'])}  of {one['coverage']:.1%} of the images"
    yield ""
    yield from _class_table(found["classes"])
    if found["confusions"]:
        yield ""
        yield "most frequent confusions"
        for one in found["confusions"][:SHOWN_CONFUSIONS]:
            yield f"{one['images']:>7,}  {one['label']} > {one['predicted']}"


def _class_table(classes: "list[Json]") -> Iterator[str]:
    shown = sorted(classes, key=lambda one: (one["f1"] is None, one["f1"]))[:SHOWN_CLASSES]
    width = max([5, *(len(one["name"]) for one in shown)])
    yield f"{'class':<{width}}  {'images':>7}  {'precision':>9}  {'recall':>7}  {'F1':>7}"
    for one in shown:
        scores = f"{_share(one['precision']):>9}  {_share(one['recall']):>7}  {_share(one['f1']):>7}"
        yield f"{one['name']:<{width}}  {one['support']:>7,}  {scores}  {_interval(one['f1_ci95'])}".rstrip()
    if len(classes) > len(shown):
        yield f"{len(classes) - len(shown):,} more classes, with higher scores: --json names all"


def _describe_image(image: "Json") -> str:
    label = f"{image['label']} {image['label_score']:.1%}"
    if image["rank"] == 1:
        return f"{image['image']}  {label}  right"
    return f"{image['image']}  {label} > {image['predicted']} {image['score']:.1%}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _interval(bounds: "list[float] | None") -> str:
    return f"[{bounds[0]:.1%}, {bounds[1]:.1%}]" if bounds else ""
