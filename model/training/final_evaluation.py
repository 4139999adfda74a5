"""Evaluates the weights to be published: calibration on the validation split, scores on the test split."""

from model.artifact.manifest import FinishReason, Metrics, Preprocessing
from model.artifact.trained_model import TrainedModel
from model.device.device import Device
from model.evaluation.calibration import calibration_error, fit_temperature, held_out_calibration_error
from model.evaluation.predictions import predict_logits
from model.evaluation.scores import score, wilson_interval
from model.network.resnet9 import ResNet9
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from model.training.run_state import RunState
from model.training.training_data import TrainingData


def evaluate_final_weights(
    spec: ResolvedSpec,
    data: TrainingData,
    state: RunState,
    device: Device,
    *,
    recipe: ResolvedRecipe,
    finish_reason: FinishReason,
    first_epoch_share: float | None = None,
) -> TrainedModel:
    """Calibrate the best weights on the validation split, score them on the test split, and return the trained model.

    `first_epoch_share` is the share of the images that were trained on, if a time budget did not allow an epoch.
    """
    weights = state.best.weights if state.best else state.copy_evaluated_weights()
    network = state.evaluated_network
    network.load_state_dict(weights, strict=False)
    temperature, validation_metrics = _calibrate(network, data, state, device)
    metrics = {
        "epochs": state.epoch,
        "best_epoch": state.best.epoch if state.best else state.epoch,
        "batch_parts": state.micro_batches,
        **({"first_epoch_share": first_epoch_share} if first_epoch_share is not None else {}),
        **validation_metrics,
        **_score_test(network, spec, data, temperature, device),
    }
    return TrainedModel(
        spec=spec,
        recipe=recipe,
        facts=data.facts,
        state_dict={name: tensor.cpu().contiguous() for name, tensor in weights.items()},
        preprocessing=_preprocessing(spec, data),
        temperature=temperature,
        metrics=Metrics.model_validate(metrics),
        finish_reason=finish_reason,
    )


def _calibrate(
    network: ResNet9, data: TrainingData, state: RunState, device: Device
) -> tuple[float, dict[str, object]]:
    if state.best is None:
        return 1.0, {"calibration": "uncalibrated"}
    labels_N = data.validation.labels_N
    logits_NK = predict_logits(network, data.validation.images_NHWC, data.normalisation, device)
    temperature = fit_temperature(logits_NK, labels_N)
    return temperature, {
        "calibration": "temperature",
        "val_accuracy": state.best.val_accuracy,
        "val_loss": state.best.val_loss,
        "ece_before": calibration_error(logits_NK, labels_N),
        "ece_after": held_out_calibration_error(logits_NK, labels_N),
    }


def _score_test(
    network: ResNet9, spec: ResolvedSpec, data: TrainingData, temperature: float, device: Device
) -> dict[str, object]:
    """Return accuracy, calibrated loss, and accuracy with test-time augmentation (TTA): averaged with the mirror image."""
    images_NHWC, labels_N = data.test.images_NHWC, data.test.labels_N
    single = score(predict_logits(network, images_NHWC, data.normalisation, device) / temperature, labels_N)
    with_flips = single
    if spec.horizontal_flip:
        logits_NK = predict_logits(network, images_NHWC, data.normalisation, device, with_flips=True)
        with_flips = score(logits_NK, labels_N)
    return {
        "test_loss": single.loss,
        "test_accuracy": single.accuracy,
        "test_accuracy_tta": with_flips.accuracy,
        "ci95": wilson_interval(single.accuracy, len(labels_N)),
    }


def _preprocessing(spec: ResolvedSpec, data: TrainingData) -> Preprocessing:
    return Preprocessing(
        image_size=spec.image_size,
        resize=spec.resize,
        mean=data.normalisation.mean,
        std=data.normalisation.std,
        sample_bits=data.facts.sample_bits,
    )
