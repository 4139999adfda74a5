"""Stores predictions and their evaluation beside the files of the model, each once. Imports no torch."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from model.artifact.manifest import DatasetReference, FileFacts, Manifest, model_key
from model.comparison.seen_images import SeenImages, training_overlap
from model.errors import ObjectExistsError
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE
from model.evaluation.stored_predictions import (
    PREDICTIONS_FILE,
    StoredPredictions,
    parse_predictions,
    serialise_predictions,
)
from model.storage.interface import Storage
from worker.queue.ids import evaluation_file
from worker.queue.records import EvaluatedSplit, EvaluationResult


@dataclass(frozen=True)
class EvaluationFiles:
    """The folder of one evaluation in storage."""

    storage: Storage
    manifest: Manifest
    evaluation_id: str

    def store(
        self,
        predictions: StoredPredictions,
        dataset: DatasetReference,
        split: EvaluatedSplit,
        unknown_classes: Mapping[str, int],
        seen: SeenImages,
    ) -> EvaluationResult:
        """Store the predictions and then their evaluation; return what the record keeps."""
        manifest = self.manifest
        # An earlier attempt may have stored its own: the record then belongs to them, and so must the evaluation.
        data = self._store(PREDICTIONS_FILE, serialise_predictions(predictions))
        stored = parse_predictions(data, len(manifest.classes))
        evaluation = evaluate(
            stored,
            manifest.classes,
            manifest.temperature,
            dataset,
            split=split,
            unknown_classes=unknown_classes,
            training_overlap=training_overlap(seen, stored),
        )
        text = self._store(EVALUATION_FILE, evaluation.model_dump_json(indent=1).encode())
        return EvaluationResult(
            accuracy=evaluation.accuracy,
            ci95=evaluation.ci95,
            images=evaluation.images,
            unknown_classes=evaluation.unknown_classes,
            training_overlap=evaluation.training_overlap,
            files={PREDICTIONS_FILE: FileFacts.of(data), EVALUATION_FILE: FileFacts.of(text)},
        )

    def _store(self, file: str, data: bytes) -> bytes:
        """Store a file unless an earlier attempt did; return what is stored."""
        key = model_key(self.manifest.id, evaluation_file(self.evaluation_id, file))
        with suppress(ObjectExistsError):
            self.storage.put_bytes(key, data)
            return data
        return self.storage.read_bytes(key)
