"""Classifies all images of a dataset's split or of a zip with one model. Knows no Redis."""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from model.artifact.held_out import read_held_out
from model.artifact.manifest import Manifest
from model.artifact.onnx_classifier import OnnxClassifier
from model.artifact.precision import PrecisionSetting
from model.batch_prediction.classifying import Answering, classify_all
from model.batch_prediction.options import PredictionOptions
from model.batch_prediction.sources import DatasetImages, ImageSource, open_zip
from model.data.prepared.dataset import prepare_dataset
from model.errors import ImagesRejectedError, ObjectMissingError
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.attempt.messages import Line, PhaseBegun
from worker.kinds.batch_prediction.messages import AllPredicted, PartStored
from worker.kinds.cache_arguments import add_cache_arguments, cache_limits
from worker.kinds.child_program import Send, child_parser, run_child
from worker.kinds.chosen_splits import chosen_splits
from worker.kinds.published_model import read_manifest
from worker.queue.records import EvaluatedSplit, PredictionProgress, PredictionResult
from worker.queue.states import Phase

_UPLOAD_GONE = "The zip is no longer in storage: send it again."


def main() -> None:
    """Classify one batch."""
    arguments = _parse_arguments()
    run_child(arguments, "batch prediction", Phase.PREPARING_DATA, partial(_classify, arguments))


def _classify(arguments: argparse.Namespace, send: Send) -> Line:
    storage = open_storage(arguments.storage)
    manifest = read_manifest(storage, arguments.model)
    network = OnnxClassifier.load(storage, manifest, arguments.threads, arguments.precision)
    options = PredictionOptions.model_validate_json(arguments.options)
    least = None
    if options.coverage is not None:
        least = read_held_out(storage, manifest).least_probability(network.precision, options.coverage)

    def on_stored(images: int, total: int) -> None:
        fraction = images / total if total else 1.0
        send(PartStored(progress=PredictionProgress(images=images, total=total, fraction=fraction)))
        reach(Failpoint.PREDICTION_PART_STORED)

    with _open_images(arguments, storage, manifest) as images:
        send(PhaseBegun(phase=Phase.PREDICTING))
        answering = Answering(manifest.classes, options, least)
        columns = classify_all(
            storage, arguments.prediction, images, network, answering=answering, on_stored=on_stored
        )
    labels = dict(sorted(columns.count_labels().items()))
    result = PredictionResult(
        images=len(columns),
        failed=len(columns) - sum(labels.values()),
        abstained=int(columns.abstained_N.sum()),
        labels=labels,
        precision=network.precision,
    )
    return AllPredicted(result=result)


@contextmanager
def _open_images(
    arguments: argparse.Namespace, storage: Storage, manifest: Manifest
) -> Iterator[ImageSource]:
    preprocessing = manifest.preprocessing
    if arguments.dataset:
        prepared = prepare_dataset(
            arguments.dataset,
            preprocessing.image_size,
            preprocessing.resize,
            storage,
            arguments.cache_dir,
            limits=cache_limits(arguments),
        )
        yield DatasetImages(chosen_splits(prepared, arguments.split))
        return
    try:
        with (
            storage.as_file(arguments.upload) as path,
            ThreadPoolExecutor(arguments.threads) as pool,
            open_zip(path, preprocessing, pool) as images,
        ):
            yield images
    except ObjectMissingError as error:
        raise ImagesRejectedError(_UPLOAD_GONE) from error


def _parse_arguments() -> argparse.Namespace:
    parser = child_parser("worker.kinds.batch_prediction.classifier")
    parser.add_argument("--storage", required=True, help="URL of the storage of the project")
    add_cache_arguments(parser)
    parser.add_argument("--prediction", required=True, help="id of the batch prediction")
    parser.add_argument("--model", required=True, help="id of the model")
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--dataset", help="id or built-in name of the dataset")
    images.add_argument("--upload", help="storage key of a zip")
    parser.add_argument("--split", type=EvaluatedSplit, help="test, train or all of the dataset")
    parser.add_argument("--options", required=True, help="what the answers have, as JSON")
    parser.add_argument("--precision", type=PrecisionSetting, required=True, help="auto or float32")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    return parser.parse_args()


if __name__ == "__main__":
    main()
