"""The evaluating process without network and images; it records each image that it would predict, and stores real files.

The name of the model ends in the number of images: `pets.100`.
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from model.artifact.manifest import MANIFEST_FILE, DatasetReference, Manifest, model_key
from model.comparison.seen_images import SeenImages
from model.evaluation.stored_predictions import StoredPredictions
from model.storage.opening import open_storage
from tests.chaos.history.history import History
from worker.attempt.messages import Line, PhaseBegun
from worker.kinds.evaluation.evaluator import __main__ as evaluator
from worker.kinds.evaluation.evaluator.storing import EvaluationFiles
from worker.kinds.evaluation.messages import Evaluated
from worker.queue.states import Phase

IMAGE_S = 0.04
"""As long as a step of the counting trainer."""


def run(history: History) -> None:
    """Run the evaluating process."""

    def evaluate(arguments: argparse.Namespace, send: Callable[[Line], None]) -> Line:
        storage = open_storage(arguments.storage)
        manifest = Manifest.model_validate_json(storage.read_bytes(model_key(arguments.model, MANIFEST_FILE)))
        images = int(manifest.name.rpartition(".")[2])
        send(PhaseBegun(phase=Phase.EVALUATING))
        report = evaluator.ProgressSender(send)
        for image in range(1, images + 1):
            history.add("image", item_id=arguments.evaluation, pid=os.getpid(), image=image)
            time.sleep(IMAGE_S)
            report(image, images)
        return Evaluated(
            result=EvaluationFiles(storage, manifest, arguments.evaluation).store(
                _predictions(images),
                DatasetReference(id="digits", name="digits", content_hash="00"),
                arguments.split,
                {},
                SeenImages(np.zeros(images, np.bool_), np.zeros(images, np.bool_), has_unknown=False),
            )
        )

    vars(evaluator)["_evaluate"] = evaluate
    evaluator.main()


def _predictions(images: int) -> StoredPredictions:
    """Return predictions for images of two classes, other ones in each process."""
    random = np.random.default_rng(os.getpid())
    return StoredPredictions(
        random.normal(size=(images, 2)).astype(np.float32),
        np.arange(images) % 2,
        np.full(images, -1, np.int32),
        np.array([f"img_{number:06}" for number in range(images)]),
    )
