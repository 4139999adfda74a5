"""Trains a network from a resolved spec to weights that can be published. Knows no service."""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from model.artifact.manifest import FinishReason, Metrics, Preprocessing
from model.artifact.staging import TrainedModel, stage_model
from model.artifact.weights import load_initial_weights
from model.device.device import Device, open_device
from model.device.ranks import ALONE, Ranks
from model.errors import DamagedCheckpointError, InitModelUnavailableError
from model.evaluation.calibration import calibration_error, fit_temperature
from model.evaluation.predictions import predict_logits, score, wilson_interval
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9
from model.recipes.recipe import Recipe, recipe_of, sides_of
from model.recipes.schedule import steps_per_epoch
from model.spec import ResolvedSpec
from model.storage.interface import Storage
from model.training.checkpoint import Checkpoints
from model.training.data import TrainingData, load_training_data
from model.training.loop import Loop
from model.training.reporter import CheckpointSaved, Command, Drained, EpochRow, Progress, Reporter
from model.training.run_state import RunState, start_state
from model.training.step import warm_up

__all__ = [
    "CheckpointSaved",
    "Command",
    "Drained",
    "EpochRow",
    "Progress",
    "Reporter",
    "TrainedModel",
    "TrainingRequest",
    "run_training",
    "stage_model",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRequest:
    """One attempt at a training."""

    spec: ResolvedSpec
    out_prefix: str
    """Storage key under which this attempt's checkpoints go."""
    resume_from: str | None
    """Storage key of an earlier attempt's checkpoint."""
    devices: tuple[str, ...]
    """One for each process that trains: `cpu`, `cuda:0`."""
    threads: int
    """Of this process, on CPUs."""
    cache_dir: Path
    storage: Storage
    checkpoint_every_s: float = 30.0
    """At an epoch's end, when so long has passed since the last."""
    step_checkpoint_every_s: float = 300.0
    """Within an epoch."""
    batch_parts: int = 1
    """In so many parts, at the least, a batch goes through the network."""
    pauses: Sequence[tuple[float, float]] = ()
    """From when to when, in Unix time, the job was paused: that is not part of a time budget."""
    fall_back_to: Sequence[str] = ()
    """Storage keys of earlier checkpoints, the newest first, should `resume_from` be damaged."""
    recipe: Recipe | None = None
    """Another than the spec's own, for studies."""


def run_training(request: TrainingRequest, reporter: Reporter) -> TrainedModel:
    """Prepare the data, train, choose the best epoch, calibrate it and score it once on the test split.

    Raises:
        Drained: the reporter asked for it; a checkpoint is saved.
        TrainingDivergedError: the loss is no longer a finite number.
        ModelError: the dataset or the device cannot be had, or storage fails.
        RankDiedError: of several processes that trained together one died.
    """
    if len(request.devices) > 1:
        from model.training.launch import run_ranks  # noqa: PLC0415 - it calls `train_rank`, in processes of its own

        return run_ranks(request, reporter)
    trained = train_rank(request, reporter, ALONE)
    assert trained is not None  # noqa: S101 - for the type checker: the first rank returns it
    return trained


def train_rank(request: TrainingRequest, reporter: Reporter, ranks: Ranks) -> TrainedModel | None:
    """One rank's part of `run_training`; the first judges and returns the model."""
    spec, recipe = request.spec, request.recipe or recipe_of(request.spec)
    device = open_device(request.devices[ranks.rank], request.threads)
    reporter.phase("preparing_data")
    data = load_training_data(spec, request.storage, request.cache_dir, device)
    steps = steps_per_epoch(len(data.train), spec.batch_size)
    state = start_state(spec, recipe, data, steps, device, start=_start(request, data))
    checkpoints = Checkpoints(request.storage, request.out_prefix, spec, device, ranks.count)
    if request.resume_from:
        _resume([request.resume_from, *request.fall_back_to], checkpoints, state, reporter)
    state.parts = max(state.parts, min(request.batch_parts, spec.batch_size))
    if device.warms_up:
        for side in sorted(set(sides_of(recipe, spec.image_size))):
            warm_up(state.network, device, spec.batch_size // (ranks.count * state.parts), side)
    reporter.phase("training")
    ending = Loop(
        spec=spec,
        recipe=recipe,
        data=data,
        state=state,
        device=device,
        reporter=reporter,
        checkpoints=checkpoints,
        ranks=ranks,
        pauses=request.pauses,
        epoch_checkpoint_s=request.checkpoint_every_s,
        step_checkpoint_s=request.step_checkpoint_every_s,
    ).run()
    if not ranks.is_first:
        return None
    reporter.phase("evaluating")
    return _judge(spec, data, state, device, ending)


def _start(request: TrainingRequest, data: TrainingData) -> Callable[[ResNet9], None] | None:
    """What gives a fresh network another model's weights, where the spec names one."""
    model_id = request.spec.init_from
    if model_id is None:
        return None

    def start(network: ResNet9) -> None:
        # Who has a checkpoint does without the model, unless the checkpoint turns out to be damaged.
        with suppress(InitModelUnavailableError) if request.resume_from else nullcontext():
            load_initial_weights(network, data.facts.classes, request.storage, model_id)

    return start


def _resume(keys: Sequence[str], checkpoints: Checkpoints, state: RunState, reporter: Reporter) -> None:
    """Go on from the first of these checkpoints that is whole, or, when none is, from the start."""
    damaged = 0
    for key in keys:
        try:
            checkpoints.restore(key, state)
            break
        except DamagedCheckpointError as error:
            _log.warning("%s", error)
            damaged += 1
    if damaged:
        reporter.rewind(state.epoch)
    _log.info("resumed after %d epochs and %d steps", state.epoch, state.step)


def _judge(
    spec: ResolvedSpec, data: TrainingData, state: RunState, device: Device, ending: FinishReason
) -> TrainedModel:
    weights = state.best.weights if state.best else state.judged_weights()
    network = state.judged_network
    network.load_state_dict(weights, strict=False)
    temperature, validation_metrics = _calibrate(network, data, state, device)
    metrics = {
        "epochs": state.epoch,
        "best_epoch": state.best.epoch if state.best else state.epoch,
        "batch_parts": state.parts,
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
