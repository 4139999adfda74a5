"""Writes the model card: what a model is, how good, on what it was trained, and what it cannot. Knows no storage.

The form is that of the Hugging Face Hub: metadata in YAML, then Markdown.
"""

from collections.abc import Iterator, Sequence

from model.artifact.manifest import ANCESTORS, BUILT_IN_ORIGIN, SEEN_TEST_IMAGES, WEIGHTS_FILE, Manifest
from model.bundle.card_metadata import metadata
from model.bundle.names import CURVES_FILE, MATRIX_FILE, PREDICT_FILE
from model.data.built_in.provenance import PROVENANCE
from model.evaluation.evaluation import Evaluation
from model.export.facts import INT8_FILE, ONNX_FILE

IMPORTED_FROM = "imported_from"
"""The key in `lineage` of the model of another service that was imported."""
_LISTED = 50
_SEEN_PX, _WHOLE_PX = 64, 128
_LATER = "An earlier release of Ninefold published this model, or its export failed"


def write_card(manifest: Manifest, evaluation: Evaluation | None, files: Sequence[str]) -> str:
    """Return the card; `files` are the names of those beside it, and the evaluation is None for earlier models."""
    name = f"{manifest.name}:{manifest.version}"
    sections = (
        _summary(manifest),
        _scores(manifest, evaluation, files),
        _use(manifest, files),
        _training(manifest, files),
        _limits(manifest, files),
        _provenance(manifest),
    )
    text = "\n".join(line for section in sections for line in (*section, ""))
    return f"---\n{metadata(manifest, evaluation)}---\n\n# {name}\n\n{text.rstrip()}\n"


def _summary(manifest: Manifest) -> Iterator[str]:
    size, classes = manifest.preprocessing.image_size, manifest.classes
    shown = ", ".join(_plain(name) for name in classes[:_LISTED])
    more = f" and {len(classes) - _LISTED} more" if len(classes) > _LISTED else ""
    yield f"A ResNet9 that classifies images of {size} x {size} pixels into {len(classes)} classes: {shown}{more}."


def _scores(manifest: Manifest, evaluation: Evaluation | None, files: Sequence[str]) -> Iterator[str]:
    yield "## How good it is"
    yield ""
    if evaluation is None:
        accuracy, (low, high) = manifest.metrics.test_accuracy, manifest.metrics.ci95
        yield f"{accuracy:.1%} of the test images are classified right; 95 % interval {low:.1%} to {high:.1%}."
        yield "An earlier release of Ninefold published this model, which kept no further scores."
        return
    yield f"On {evaluation.images:,} test images of the dataset, in {evaluation.groups:,} groups of near-duplicates. They decided nothing in the training."
    yield ""
    yield "| score | value | 95 % interval |"
    yield "|---|---|---|"
    yield f"| accuracy | {evaluation.accuracy:.1%} | {_interval(evaluation.ci95)} |"
    yield f"| accuracy, by groups | {evaluation.accuracy:.1%} | {_interval(evaluation.ci95_by_group)} |"
    yield f"| balanced accuracy | {evaluation.balanced_accuracy:.1%} | |"
    for k, share in evaluation.top_k.items():
        yield f"| label among the {k} most probable | {share:.1%} | |"
    yield f"| log loss | {evaluation.log_loss:.3f} | |"
    yield f"| calibration error | {evaluation.calibration.ece:.1%} | |"
    yield ""
    yield from _classes(evaluation)
    if MATRIX_FILE in files:
        yield ""
        yield f"![Confusion matrix]({MATRIX_FILE})"


def _classes(evaluation: Evaluation) -> Iterator[str]:
    worst_first = sorted(evaluation.classes, key=lambda one: (one.f1 is None, one.f1))[:_LISTED]
    if len(evaluation.classes) > _LISTED:
        yield f"The {_LISTED} classes with the lowest F1:"
        yield ""
    yield "| class | images | precision | recall | F1 | 95 % interval of F1 |"
    yield "|---|---|---|---|---|---|"
    for one in worst_first:
        scores = " | ".join("n/a" if s is None else f"{s:.1%}" for s in (one.precision, one.recall, one.f1))
        yield f"| {_plain(one.name)} | {one.support:,} | {scores} | {_interval(one.f1_ci95)} |"


def _use(manifest: Manifest, files: Sequence[str]) -> Iterator[str]:
    yield "## How to use it"
    yield ""
    if PREDICT_FILE in files:
        yield "Without Ninefold and without torch:"
        yield ""
        yield "```console"
        yield "$ pip install onnxruntime numpy pillow"
        yield f"$ python {PREDICT_FILE} photo.jpg"
        yield "```"
        yield ""
        yield f"`{ONNX_FILE}` takes `images`, uint8 RGB pixels [N, {manifest.preprocessing.image_size}, {manifest.preprocessing.image_size}, 3], and gives `probabilities` and `logits`; normalisation and temperature are inside."
        yield _numbers(manifest, files)
    else:
        yield f"{_LATER}: there is no `{ONNX_FILE}`, and so no `{PREDICT_FILE}`. `{WEIGHTS_FILE}` has the weights."
    yield ""
    yield f"In another Ninefold service: `ninefold models import {manifest.name}-{manifest.version}.zip`."


def _numbers(manifest: Manifest, files: Sequence[str]) -> str:
    proof = manifest.onnx.int8 if manifest.onnx else None
    if proof is None or INT8_FILE not in files:
        return f"There is no `{INT8_FILE}`."
    use = "uses it" if proof.is_served else "does not use it"
    return (
        f"`{INT8_FILE}` computes with 8-bit integers and gives the same answer for {proof.agreement:.1%} of "
        f"{proof.images:,} validation images; `{PREDICT_FILE}` {use}, as the service on a CPU."
    )


def _training(manifest: Manifest, files: Sequence[str]) -> Iterator[str]:
    spec, dataset, epochs = manifest.spec, manifest.dataset, manifest.metrics.epochs
    count = f"{epochs} epoch" if epochs == 1 else f"{epochs} epochs"
    yield "## What it was trained on"
    yield ""
    yield f"The dataset {_plain(dataset.name)} (`{_code(dataset.id)}`, content `{_code(dataset.content_hash)}`), without its test images. {_images_source(manifest)}"
    yield ""
    yield f"Recipe {spec.recipe.value}, {count}, batches of {spec.batch_size}, {spec.image_size} px ({spec.resize.value}), augmentation {spec.augmentation.value}, seed {spec.seed}. All settings are in `manifest.json`."
    if spec.init_from:
        yield f"It began with the weights of `{_code(spec.init_from)}`."
    for name in sorted(_ancestors_datasets(manifest) - {dataset.id, manifest.lineage.get(BUILT_IN_ORIGIN)}):
        yield f"Models from whose weights it comes were trained on {name}. {PROVENANCE[name]}"
    if seen := manifest.lineage.get(SEEN_TEST_IMAGES):
        yield f"{seen} of its test images are, or look like, training images of that model: the test scores may be too high."
    if CURVES_FILE in files:
        yield ""
        yield f"![Loss and accuracy of each epoch]({CURVES_FILE})"


def _images_source(manifest: Manifest) -> str:
    """Say where the images come from; a copy of a built-in dataset may have been changed since."""
    if manifest.dataset.id in PROVENANCE:
        return PROVENANCE[manifest.dataset.id]
    origin = manifest.lineage.get(BUILT_IN_ORIGIN)
    if isinstance(origin, str) and origin in PROVENANCE:
        return (
            f"It comes from a copy of {origin}; its versions may have other images, too. {PROVENANCE[origin]}"
        )
    return "Its licence is not known to Ninefold."


def _ancestors_datasets(manifest: Manifest) -> set[str]:
    """Return the built-in datasets that models were trained on from whose weights this model comes."""
    noted = manifest.lineage.get(ANCESTORS)
    ancestors = [one for one in noted if isinstance(one, dict)] if isinstance(noted, list) else []
    datasets = [one.get(key) for one in ancestors for key in ("dataset", BUILT_IN_ORIGIN)]
    return {dataset for dataset in datasets if isinstance(dataset, str) and dataset in PROVENANCE}


def _limits(manifest: Manifest, files: Sequence[str]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield "- Every image gets one of the classes, also an image of something else. A threshold on the score helps: `thresholds` in `evaluation.json`."
    yield "- The scores hold for images like the test images. Other cameras, light or backgrounds need an evaluation of their own."
    yield f"- The network ends in a global maximum: it finds patches of up to {_SEEN_PX} x {_SEEN_PX} pixels anywhere in the image, and does not see how they lie to each other. {_bag(manifest)}"
    if PREDICT_FILE in files:
        yield f"- `{PREDICT_FILE}` reads what the service reads (JPEG, PNG, WebP, GIF, BMP; EXIF orientation, transparency, palettes, CMYK, 16-bit grey), with two exceptions: damaged files that the service mends, and 16-bit colour images of a dataset that uses fewer than 16 bits."


def _bag(manifest: Manifest) -> str:
    if manifest.preprocessing.image_size > _WHOLE_PX:
        return f"At {manifest.preprocessing.image_size} pixels it judges a bag of patches: classes that differ in the whole shape alone are beyond it."
    return f"Up to {_WHOLE_PX} pixels a patch covers much of the image."


def _provenance(manifest: Manifest) -> Iterator[str]:
    yield "## Provenance"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| model | `{manifest.id}`, {manifest.name} version {manifest.version} |"
    yield f"| made | {manifest.created_at:%Y-%m-%d %H:%M} UTC |"
    if manifest.job_id:
        yield f"| job | `{manifest.job_id}` |"
    origin = manifest.lineage.get(IMPORTED_FROM)
    if isinstance(origin, dict):
        described = ", ".join(f"{_plain(str(key))} `{_code(str(value))}`" for key, value in origin.items())
        yield f"| imported from | {described} |"
    if WEIGHTS_FILE in manifest.files:
        yield f"| SHA-256 of the weights | `{manifest.files[WEIGHTS_FILE].sha256}` |"
    versions = ", ".join(f"{_plain(name)} {_plain(version)}" for name, version in manifest.versions.items())
    yield f"| versions | {versions} |"


def _interval(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}" if interval else "n/a"


def _plain(text: str) -> str:
    """Escape a name, so that Markdown shows it as it is."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~&" else c for c in shown)


def _code(text: str) -> str:
    """Return text that may stand between backticks in a table."""
    return "".join(c if c.isprintable() and c not in "`|" else " " for c in text)
