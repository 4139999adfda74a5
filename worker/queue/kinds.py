"""The kinds of work, and the lanes that workers serve: short work never waits behind a long training. Knows no Redis."""

from collections.abc import Mapping
from enum import StrEnum

SCHEMA_VERSION = 5
"""The highest version of items that this release understands. A worker leaves items of a higher version to newer workers."""
PLAIN_VERSION, VERSION_WITH_OPTIONS, VERSION_WITH_OTHER_SOURCES = 1, 2, 3
VERSION_WITH_GATE = VERSION_WITH_EVALUATIONS = VERSION_WITH_CONTINUATIONS = VERSION_WITH_MODEL_IMPORTS = 4
VERSION_WITH_BATCH_PREDICTIONS = 5
"""The version that items are written with: 2 for imports with options, which earlier workers would ignore; 3 for imports
that read something else than one zip in storage, such as the dataset of which they make the next version; 4 for jobs
whose model is promoted if it is better than the one in production, or which continue another job, and for evaluations and
imports of models, kinds that earlier workers do not know; 5 for batch predictions, another such kind."""


class Kind(StrEnum):
    """What a work item does."""

    TRAINING = "training"
    DATASET_IMPORT = "dataset_import"
    EVALUATION = "evaluation"
    """Predicts the images of a dataset with a published model, and scores the predictions."""
    MODEL_IMPORT = "model_import"
    """Checks the bundle of a model that another service exported, and publishes the model here."""
    BATCH_PREDICTION = "batch_prediction"
    """Classifies all images of a dataset's split, or of a zip, with a published model."""


class Lane(StrEnum):
    """A queue of its own; a worker serves one lane or several, in this order."""

    LIGHT = "light"
    """Short work on the CPU."""
    TRAINING = "training"


LANES: Mapping[Kind, Lane] = {
    Kind.TRAINING: Lane.TRAINING,
    Kind.DATASET_IMPORT: Lane.LIGHT,
    Kind.EVALUATION: Lane.LIGHT,
    Kind.MODEL_IMPORT: Lane.LIGHT,
    Kind.BATCH_PREDICTION: Lane.LIGHT,
}
"""The lane of each kind."""

QUEUE_LIMITS: Mapping[Kind, int] = {
    Kind.TRAINING: 10_000,
    Kind.DATASET_IMPORT: 1_000,
    Kind.EVALUATION: 1_000,
    Kind.MODEL_IMPORT: 1_000,
    Kind.BATCH_PREDICTION: 1_000,
}
"""Maximum number of queued items of each kind, unless a setting gives another."""
