"""Makes the files of a bundle that follow from the others: card, script and pictures. Knows no storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from model.artifact.manifest import Manifest
from model.bundle.card import write_card
from model.bundle.curves import Epoch, draw_curves
from model.bundle.matrix import draw_matrix
from model.bundle.names import CARD_FILE, CURVES_FILE, MATRIX_FILE, PREDICT_FILE
from model.evaluation.evaluation import Evaluation
from model.export.facts import INT8_FILE, ONNX_FILE


@dataclass(frozen=True)
class Sources:
    """What is known of a model."""

    manifest: Manifest
    evaluation: Evaluation | None
    """None for the models of earlier releases."""
    epochs: Sequence[Epoch]
    """Empty if they are not known."""


def derived_files(sources: Sources) -> dict[str, bytes]:
    """Return the files by name, each of which is there if what it follows from is known."""
    manifest, evaluation = sources.manifest, sources.evaluation
    files: dict[str, str] = {}
    if ONNX_FILE in manifest.files and manifest.onnx:
        files[PREDICT_FILE] = (
            resources.files("model.bundle").joinpath("predict_script.txt").read_text("utf-8")
        )
    if sources.epochs:
        files[CURVES_FILE] = draw_curves(sources.epochs)
    if evaluation:
        files[MATRIX_FILE] = draw_matrix(evaluation)
    graphs = [file for file in (ONNX_FILE, INT8_FILE) if file in manifest.files]
    files[CARD_FILE] = write_card(manifest, evaluation, [*files, *graphs])
    return {name: text.encode("utf-8", "replace") for name, text in files.items()}
