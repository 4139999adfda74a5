"""Writes the metadata of the model card, as YAML."""

import json
from collections.abc import Iterator

from model.artifact.manifest import Manifest
from model.evaluation.evaluation import Evaluation
from model.export.facts import ONNX_FILE

_ESCAPED = {"\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"}


def metadata(manifest: Manifest, evaluation: Evaluation | None) -> str:
    """Return the lines of the metadata. They name no licence: the person who passes the model on decides that."""
    return "".join(f"{line}\n" for line in _lines(manifest, evaluation))


def _lines(manifest: Manifest, evaluation: Evaluation | None) -> Iterator[str]:
    yield "library_name: ninefold"
    yield "pipeline_tag: image-classification"
    yield "tags:"
    for tag in (
        "image-classification",
        "resnet9",
        "ninefold",
        *(("onnx",) if ONNX_FILE in manifest.files else ()),
    ):
        yield f"- {tag}"
    yield "metrics:"
    yield "- accuracy"
    yield "model-index:"
    yield f"- name: {quoted(manifest.name)}"
    yield "  results:"
    yield "  - task:"
    yield "      type: image-classification"
    yield "      name: Image classification"
    yield "    dataset:"
    yield f"      type: {quoted(manifest.dataset.id)}"
    yield f"      name: {quoted(manifest.dataset.name)}"
    yield "      split: test"
    yield "    metrics:"
    for kind, name, value in _metrics(manifest, evaluation):
        yield f"    - type: {kind}"
        yield f"      value: {value:.6f}"
        yield f"      name: {quoted(name)}"


def _metrics(manifest: Manifest, evaluation: Evaluation | None) -> Iterator[tuple[str, str, float]]:
    metrics = evaluation or manifest.metrics
    low, high = metrics.ci95
    accuracy = evaluation.accuracy if evaluation else manifest.metrics.test_accuracy
    yield "accuracy", f"Accuracy (95 % interval {low:.4f} to {high:.4f})", accuracy
    if evaluation:
        yield "balanced_accuracy", "Balanced accuracy", evaluation.balanced_accuracy


def quoted(text: str) -> str:
    """Return a text as YAML reads it: JSON, in which YAML does not allow a few more characters."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(_escape(c) if c in _ESCAPED or "\ud800" <= c <= "\udfff" else c for c in written)


def _escape(character: str) -> str:
    code = ord(character)
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"
