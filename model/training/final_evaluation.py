"""Evaluates the weights to be published: calibration on the validation split, scores on the test split."""
# ruff: noqa: N803 - shapes in names: logits_NK

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.artifact.label_errors import MAX_LISTED, LabelError, LabelErrors
from model.artifact.manifest import DatasetReference, FinishReason, Metrics, Preprocessing
from model.artifact.trained_model import TrainedModel
from model.device.device import Device
from model.evaluation.calibration import calibration_error, fit_temperature, held_out_calibration_error
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE
from model.evaluation.label_errors import find_label_errors
from model.evaluation.predictions import predict_logits
from model.evaluation.scores import score
from model.evaluation.stored_predictions import PREDICTIONS_FILE, StoredPredictions, serialise_predictions
from model.export.samples import ExportSamples, training_images, validation_images
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from model.training.run_state import RunState
from model.training.training_data import Split, TrainingData


def evaluate_final_weights(
    spec: ResolvedSpec,
    data: TrainingData,
    state: RunState,
    device: Device,
    *,
    recipe: ResolvedRecipe,
    finish_reason: FinishReason,
    test_groups_N: NDArray[np.int32],
    first_epoch_share: float | None = None,
) -> TrainedModel:
    """Calibrate the best weights on the validation split, score them on the test split, and return the trained model.

    Args:
        spec: of the training.
        data: its images.
        state: its weights.
        device: of the images and the weights.
        recipe: of the training.
        finish_reason: the reason why it ended.
        test_groups_N: the number of the near-duplicates' group of each test image; -1 of an image alone.
        first_epoch_share: the share of the images that were trained on, if a time budget did not allow an epoch.
    """
    weights = state.best.weights if state.best else state.copy_evaluated_weights()
    network = state.evaluated_network
    network.load_state_dict(weights, strict=False)
    logits_NK = partial(predict_logits, network, normalisation=data.normalisation, device=device)
    validation_NK = logits_NK(data.validation.images_NHWC) if state.best else None
    temperature, validation_metrics = _calibrate(validation_NK, data, state)
    test_NK = logits_NK(data.test.images_NHWC)
    predictions = StoredPredictions(
        test_NK.cpu().numpy(), data.test.labels_N.cpu().numpy(), test_groups_N, data.test.ids_N
    )
    evaluation = evaluate(predictions, data.facts.classes, temperature, DatasetReference.of(data.facts))
    metrics = {
        "epochs": state.epoch,
        "best_epoch": state.best.epoch if state.best else state.epoch,
        "batch_parts": state.micro_batches,
        **({"first_epoch_share": first_epoch_share} if first_epoch_share is not None else {}),
        **validation_metrics,
        "test_loss": evaluation.log_loss,
        "test_accuracy": evaluation.accuracy,
        "test_accuracy_tta": _mirrored_accuracy(data, logits_NK)
        if spec.horizontal_flip
        else evaluation.accuracy,
        "ci95": evaluation.ci95,
    }
    return TrainedModel(
        spec=spec,
        recipe=recipe,
        facts=data.facts,
        state_dict={name: tensor.cpu().contiguous() for name, tensor in weights.items()},
        preprocessing=preprocessing_of(spec, data),
        temperature=temperature,
        metrics=Metrics.model_validate(metrics),
        finish_reason=finish_reason,
        environment=_describe_environment(spec, data, state, device),
        label_errors=_find_label_errors(data, state, validation_NK, test_NK / temperature, temperature),
        export_samples=ExportSamples(
            _evenly(data.train, training_images(spec.image_size))[0],
            *_evenly(data.validation, validation_images(spec.image_size)),
        ),
        further_files={
            PREDICTIONS_FILE: serialise_predictions(predictions),
            EVALUATION_FILE: evaluation.model_dump_json(indent=1).encode(),
        },
    )


def _describe_environment(
    spec: ResolvedSpec, data: TrainingData, state: RunState, device: Device
) -> dict[str, str]:
    facts = device.describe()
    return {
        "device": facts["device"],
        "processor": device.describe_processor(),
        "threads": facts["threads"],
        "devices": str(spec.gpus),
        "micro_batches": str(state.micro_batches),
        "validation_by_group": str(data.is_grouped).lower(),
    }


def _calibrate(
    logits_NK: Tensor | None, data: TrainingData, state: RunState
) -> tuple[float, dict[str, object]]:
    if state.best is None or logits_NK is None:
        return 1.0, {"calibration": "uncalibrated"}
    labels_N = data.validation.labels_N
    temperature = fit_temperature(logits_NK, labels_N)
    return temperature, {
        "calibration": "temperature",
        "val_accuracy": state.best.val_accuracy,
        "val_loss": state.best.val_loss,
        "ece_before": calibration_error(logits_NK, labels_N),
        "ece_after": held_out_calibration_error(logits_NK, labels_N),
    }


def _mirrored_accuracy(data: TrainingData, logits_NK: Callable[..., Tensor]) -> float:
    """Return the accuracy with test-time augmentation: logits are averaged over an image and its mirror image."""
    return score(logits_NK(data.test.images_NHWC, with_flips=True), data.test.labels_N).accuracy


def _find_label_errors(
    data: TrainingData, state: RunState, validation_NK: Tensor | None, test_NK: Tensor, temperature: float
) -> LabelErrors:
    """Return the probable label errors of all splits: no probabilities are of a network that had learnt the label.

    Margins of a mean over the epochs are smaller than those of the final network, so the parts are merged by the rank of
    an image among all images of its part.
    """
    parts: list[tuple[Split, Literal["train", "test"], Tensor]] = [
        (data.train, "train", state.predictions.mean_probabilities()),
        (data.test, "test", test_NK.softmax(1)),
    ]
    if validation_NK is not None:
        parts.append((data.validation, "train", (validation_NK / temperature).softmax(1)))
    classes, ranked = data.facts.classes, list[tuple[float, LabelError]]()
    for split, name, probabilities_NK in parts:
        for rank, suspect in enumerate(
            find_label_errors(probabilities_NK, split.labels_N[: len(probabilities_NK)])
        ):
            error = LabelError(
                image=str(split.ids_N[suspect.index]),
                split=name,
                label=classes[suspect.label],
                suggested=classes[suspect.suggested],
                margin=suspect.margin,
            )
            ranked.append(((rank + 0.5) / len(split), error))
    ranked.sort(key=lambda pair: pair[0])
    errors = [error for _, error in ranked]
    return LabelErrors(dataset_id=data.facts.id, count=len(errors), images=errors[:MAX_LISTED])


def _evenly(split: Split, most: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images of a split at even distances, at most `most`, and their labels."""
    chosen_N = np.linspace(0, len(split) - 1, min(most, len(split))).round().astype(np.int64)
    images_NHWC = split.images_NHWC[torch.from_numpy(chosen_N).to(split.images_NHWC.device)]
    return images_NHWC.cpu().numpy(), split.labels_N.cpu().numpy()[chosen_N]


def preprocessing_of(spec: ResolvedSpec, data: TrainingData) -> Preprocessing:
    """Return how images become the input of a network that is trained on this data."""
    return Preprocessing(
        image_size=spec.image_size,
        resize=spec.resize,
        mean=data.normalisation.mean,
        std=data.normalisation.std,
        sample_bits=data.facts.sample_bits,
    )
