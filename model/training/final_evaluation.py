"""Evaluates a finished run: calibration on the validation split, scores on the test split."""

from model.artifact.manifest import FinishReason, Metrics, Preprocessing
from model.artifact.trained_model import TrainedModel
from model.device.device import Device
from model.evaluation.calibration import calibration_error, fit_temperature
from model.evaluation.predictions import predict_logits
from model.evaluation.scores import score, wilson_interval
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9
from model.spec import ResolvedSpec
from model.training.run_state import RunState
from model.training.training_data import TrainingData


def evaluate_run(
    spec: ResolvedSpec, data: TrainingData, state: RunState, device: Device, ending: FinishReason
) -> TrainedModel:
    """Calibrate the published weights on the validation split and score them once on the test split."""
    weights = state.best.weights if state.best else state.copy_evaluated_weights()
    network = state.evaluated_network
    network.load_state_dict(weights, strict=False)
    temperature, validation_metrics = _calibrate(network, data, state, device)
    metrics = {
        "epochs": state.epoch,
        "best_epoch": state.best.epoch if state.best else state.epoch,
        "batch_parts": state.micro_batches,
        **validation_metrics,
        **_score_test(network, spec, data, temperature, device),
    }
    return TrainedModel(
        spec=spec,
        facts=data.facts,
        state_dict={name: tensor.cpu().contiguous() for name, tensor in weights.items()},
        preprocessing=_preprocessing(spec, data.normalisation),
        temperature=temperature,
        metrics=Metrics.model_validate(metrics),
        finish_reason=ending,
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
        "ece_before": calibration_error(logits_NK, labels_N, 1.0),
        "ece_after": calibration_error(logits_NK, labels_N, temperature),
    }


def _score_test(
    network: ResNet9, spec: ResolvedSpec, data: TrainingData, temperature: float, device: Device
) -> dict[str, object]:
    """Accuracy of one view and of an image with its mirror image; the loss is of the calibrated scores."""
    images_NHWC, labels_N = data.test.images_NHWC, data.test.labels_N
    plain = score(predict_logits(network, images_NHWC, data.normalisation, device) / temperature, labels_N)
    flipped = plain
    if spec.horizontal_flip:
        logits_NK = predict_logits(network, images_NHWC, data.normalisation, device, with_flips=True)
        flipped = score(logits_NK, labels_N)
    return {
        "test_loss": plain.loss,
        "test_accuracy": plain.accuracy,
        "test_accuracy_tta": flipped.accuracy,
        "ci95": wilson_interval(plain.accuracy, len(labels_N)),
    }


def _preprocessing(spec: ResolvedSpec, normalisation: Normalisation) -> Preprocessing:
    return Preprocessing(
        image_size=spec.image_size, resize=spec.resize, mean=normalisation.mean, std=normalisation.std
    )
