"""Reads the stored evaluation of a model. Imports no torch."""

from pydantic import ValidationError

from model.artifact.files import read_file
from model.artifact.manifest import Manifest
from model.errors import CorruptArtifactError, NoEvaluationError
from model.evaluation.evaluation import EVALUATION_FILE, Evaluation
from model.storage.interface import Storage


def read_evaluation(storage: Storage, manifest: Manifest) -> Evaluation:
    """Read the evaluation of a model on the test split of its dataset.

    Raises:
        NoEvaluationError: the model was published by an earlier release, which stored no evaluation.
        CorruptArtifactError: the stored evaluation is damaged or not the one that was published.
        StorageError: the evaluation cannot be read.
    """
    if EVALUATION_FILE not in manifest.files:
        raise NoEvaluationError(manifest.name, manifest.version)
    return parse_evaluation(read_file(storage, manifest, EVALUATION_FILE))


def parse_evaluation(data: bytes) -> Evaluation:
    """Read the contents of a file; raises CorruptArtifactError."""
    try:
        return Evaluation.model_validate_json(data)
    except ValidationError as error:
        raise CorruptArtifactError(
            "The stored evaluation cannot be read: evaluate the model again, or restore a backup."
        ) from error
