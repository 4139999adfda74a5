"""What is evaluated: a model on its own test images, or a run that evaluated it on another dataset. Knows no HTTP."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.artifact.files import read_checked
from model.artifact.manifest import Manifest, model_key
from model.errors import CorruptArtifactError
from model.evaluation.evaluation import EVALUATION_FILE, Evaluation
from model.evaluation.stored_evaluation import parse_evaluation, read_evaluation
from model.storage.interface import Storage
from worker.queue.ids import evaluation_file
from worker.queue.records import EvaluationResult

if TYPE_CHECKING:
    from model.evaluation.stored_predictions import StoredPredictions


@dataclass(frozen=True)
class OwnTest:
    """A model on the test images of its dataset, as its training stored it."""

    manifest: Manifest

    @property
    def id(self) -> str:
        """Identifies the stored files."""
        return self.manifest.id

    def read_evaluation(self, storage: Storage) -> Evaluation:
        """Read the evaluation; raises NoEvaluationError, CorruptArtifactError or StorageError."""
        return read_evaluation(storage, self.manifest)

    def read_predictions(self, storage: Storage) -> "StoredPredictions":
        """Read the predictions; raises NoEvaluationError, CorruptArtifactError or StorageError."""
        from model.evaluation.stored_predictions import read_predictions  # noqa: PLC0415 - the API starts without numpy

        return read_predictions(storage, self.manifest)


@dataclass(frozen=True)
class FinishedRun:
    """A run that evaluated a model, with the files that it stored."""

    manifest: Manifest
    id: str
    result: EvaluationResult

    def read_evaluation(self, storage: Storage) -> Evaluation:
        """Read the evaluation; raises CorruptArtifactError or StorageError."""
        return parse_evaluation(self._read(storage, EVALUATION_FILE))

    def read_predictions(self, storage: Storage) -> "StoredPredictions":
        """Read the predictions; raises CorruptArtifactError or StorageError."""
        from model.evaluation.stored_predictions import (  # noqa: PLC0415 - as above
            PREDICTIONS_FILE,
            parse_predictions,
        )

        return parse_predictions(self._read(storage, PREDICTIONS_FILE), len(self.manifest.classes))

    def _read(self, storage: Storage, file: str) -> bytes:
        key = model_key(self.manifest.id, evaluation_file(self.id, file))
        data = read_checked(storage, key, self.result.files[file])
        if data is None:
            raise CorruptArtifactError(
                f"{file} of {self.id} is not the file that was stored: evaluate the model again."
            )
        return data


Source = OwnTest | FinishedRun
