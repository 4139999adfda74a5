"""The training loop: epochs, steps, validation and checkpoints. Knows no files and no service."""

import logging
import math
import time
from collections.abc import Sequence
from functools import partial

from model.artifact.manifest import FinishReason
from model.device.device import Device
from model.device.launched_steps import LaunchedSteps
from model.device.ranks import Rank
from model.errors import TrainingDivergedError
from model.export.samples import training_images, validation_images
from model.recipes.progressive_resizing import remaining_time
from model.recipes.recipe import Decay, Recipe
from model.recipes.schedule import steps_per_epoch
from model.spec import ResolvedSpec
from model.training.checkpoint import Checkpoints
from model.training.epoch_evaluation import EpochEvaluation
from model.training.limits.patience import PatienceLimit
from model.training.limits.run_limit import EpochLimit, RunLimit, TimeLimit, downtime_s
from model.training.reporter import CheckpointSaved, Command, Drained, EpochRow, Progress, Reporter
from model.training.run_state import RunState
from model.training.seeding import epoch_order
from model.training.step import TrainingStep
from model.training.training_data import TrainingData

_MIN_CHECKPOINT_INTERVAL_S = 5.0
_CHECKPOINT_INTERVAL_SHARE = 0.02
"""Largest interval between checkpoints as a share of a time budget: a crash wastes no more of the budget than this."""

_COMMANDS = tuple(Command)
_log = logging.getLogger(__name__)


class _StoppedEarly(Exception):  # noqa: N818 - a requested end, not an error
    """Raised when a stop was requested and there are weights to publish."""


class TrainingLoop:
    """Trains from the position of a state to the end of the training."""

    def __init__(
        self,
        *,
        spec: ResolvedSpec,
        recipe: Recipe,
        data: TrainingData,
        state: RunState,
        device: Device,
        reporter: Reporter,
        checkpoints: Checkpoints,
        rank: Rank,
        pauses: Sequence[tuple[float, float]] = (),
        epoch_checkpoint_s: float,
        step_checkpoint_s: float,
    ) -> None:
        self._spec, self._recipe, self._data, self._state = spec, recipe, data, state
        self._device, self._reporter, self._checkpoints, self._rank = device, reporter, checkpoints, rank
        self._epoch_checkpoint_s, self._step_checkpoint_s = epoch_checkpoint_s, step_checkpoint_s
        self._steps_per_epoch = steps_per_epoch(len(data.train), spec.batch_size)
        self._patience: PatienceLimit | None = None
        self._limit, self._time_limit = self._make_limit(pauses)
        self._evaluation = EpochEvaluation(spec, data, state, device, self._time_limit)
        self._make_step = TrainingStep(
            spec=spec,
            recipe=recipe,
            total_steps=self._steps_per_epoch * spec.epochs,
            data=data,
            state=state,
            device=device,
            rank=rank,
        )
        self._saved_at, self._saved_position = time.monotonic(), state.position
        self.first_epoch_share: float | None = None
        """The share of the first epoch's steps that were made, if a time budget allowed no more."""
        self._mean_loss: float | None = None
        self._launched = LaunchedSteps(device.mark)
        self._read_sums = _no_sums

    def _make_limit(self, pauses: Sequence[tuple[float, float]]) -> tuple[RunLimit, TimeLimit | None]:
        """Return the end of the training, and the time budget that is part of it, if any; set `_patience`."""
        time_left = partial(remaining_time, self._recipe, full_side=self._spec.image_size)
        epoch_limit = EpochLimit(self._spec.epochs, self._steps_per_epoch, time_left)
        budget_s, state = self._spec.time_budget_s, self._state
        if budget_s is None:
            return self._with_patience(epoch_limit, epoch_limit), None
        used_s = state.used_s + downtime_s(state.still_running_at, time.time(), pauses)
        time_limit = TimeLimit(
            epoch_limit,
            budget_s,
            self._images_to_score_at_the_end(),
            used_s,
            first_progress=self._spec.progress_before,
        )
        interval_s = max(_MIN_CHECKPOINT_INTERVAL_S, budget_s * _CHECKPOINT_INTERVAL_SHARE)
        self._step_checkpoint_s = min(self._step_checkpoint_s, interval_s)
        return self._with_patience(time_limit, epoch_limit), time_limit

    def _with_patience(self, limit: RunLimit, epochs: EpochLimit) -> RunLimit:
        if self._spec.patience is None:
            return limit
        self._patience = PatienceLimit(
            limit,
            epochs,
            self._state,
            self._recipe,
            self._spec.patience,
            first_epoch=self._spec.epochs_before,
        )
        return self._patience

    def _images_to_score_at_the_end(self) -> int:
        """Count forward passes: validation images for the last epoch and for calibration, test images up to 3 times,
        and the images of the export."""
        views = (
            3 if self._spec.horizontal_flip else 1
        )  # the image; and for TTA the image and its mirror image
        size, validation = self._spec.image_size, len(self._data.validation)
        export = min(len(self._data.train), training_images(size)) + 2 * min(
            validation, validation_images(size)
        )
        return 2 * validation + views * len(self._data.test) + export

    def run(self) -> FinishReason:
        """Train to the last epoch, to the end of time budget or patience, or until a stop is requested.

        At least one epoch is evaluated, so that there is something to publish.

        Raises:
            Drained: the reporter requested a drain; a checkpoint is saved.
            TrainingDivergedError: the loss is no longer a finite number.
        """
        state = self._state
        if self._time_limit and not state.still_running_at:
            self._save()  # after a crash the next attempt reads here when the budget's clock was started
        try:
            while state.epoch < self._spec.epochs:
                started = time.perf_counter()
                self._train_epoch()
                if state.step == 0:  # the time budget or the patience ended after the last epoch
                    break
                self._end_epoch(started)
        except _StoppedEarly:
            return FinishReason.STOPPED
        if state.epoch >= self._spec.epochs:
            return FinishReason.COMPLETED
        has_cooled_down = state.cool_down is not None and state.epoch >= state.cool_down.last_epoch
        return FinishReason.PATIENCE if has_cooled_down else FinishReason.TIME_BUDGET

    def _train_epoch(self) -> None:
        state = self._state
        state.network.train()
        order_N = epoch_order(self._spec.seed, state.epoch, len(self._data.train))
        batches = self._device.pin(order_N).tensor_split(self._steps_per_epoch)
        self._read_sums = _no_sums
        while state.step < self._steps_per_epoch:
            is_over, command, progress = self._rank.broadcast(self._decide_next_step, length=3)
            if is_over:
                self._note_if_first_epoch_is_cut()
                break
            self._obey(_COMMANDS[int(command)])
            started = time.perf_counter()
            batch_N = batches[state.step]
            self._make_step(batch_N, progress)
            state.step += 1
            self._launched.add()
            self._update_mean_loss()
            step_s = time.perf_counter() - started
            state.train_s += step_s
            if self._time_limit and state.step > self._launched.count:
                self._time_limit.note_step(step_s, len(batch_N))
            self._report_progress()

    def _note_if_first_epoch_is_cut(self) -> None:
        if self._state.epoch == 0 and self._rank.is_first:
            self.first_epoch_share = self._state.step / self._steps_per_epoch
            _log.warning(
                "time_budget_s %g allows only %d of the %d steps of the first epoch: not all images are used; raise "
                "time_budget_s, or choose a smaller image_size",
                self._spec.time_budget_s,
                self._state.step,
                self._steps_per_epoch,
            )

    def _decide_next_step(self) -> list[float]:
        """Return whether the training is over, the index of the command to obey, and the progress."""
        position = self._state.position
        if self._limit.is_over(*position):
            return [True, _COMMANDS.index(Command.CONTINUE), 1.0]
        return [False, _COMMANDS.index(self._next_command()), self._limit.progress(*position)]

    def _obey(self, command: Command) -> None:
        if command is Command.DRAIN:
            self._save_for_drain()
            raise Drained
        if command is Command.STOP:
            self._save_if_new()  # so that an attempt that repeats evaluation and publishing publishes the same weights
            raise _StoppedEarly
        if time.monotonic() - self._saved_at > self._step_checkpoint_s:
            self._save()

    def _next_command(self) -> Command:
        """Return the reporter's command; a stop is postponed until there are weights to publish."""
        command = self._reporter.next_command()
        is_too_early = command is Command.STOP and not self._has_weights_to_publish()
        return Command.CONTINUE if is_too_early else command

    def _has_weights_to_publish(self) -> bool:
        """Whether there is a best epoch, or, without validation images, whether an epoch has just been completed."""
        if len(self._data.validation):
            return self._state.best is not None
        return self._state.epoch > 0 and self._state.step == 0

    def _update_mean_loss(self) -> None:
        """Read the loss from the device, only every few steps, and without waiting for the device."""
        every = self._device.steps_between_loss_reads
        if self._state.step % every == 1 % every:
            self._read_sums = self._device.read_async(self._state.sums)
        if sums := self._read_sums():
            self._mean_loss = self._mean(sums)

    def _mean(self, sums: list[float]) -> float:
        """Return the mean loss. A number in the network that is not finite makes the loss not finite."""
        loss, _, images, _ = sums
        if not math.isfinite(loss):
            raise TrainingDivergedError(self._state.epoch + 1, self._state.step)
        return loss / images

    def _report_progress(self) -> None:
        state = self._state
        progress = self._limit.progress(*state.position)
        seconds_per_step = state.train_s / max(1, state.step - self._launched.count)
        self._reporter.progress(
            Progress(
                epoch=state.epoch + 1,
                epochs=self._expected_epochs(progress),
                step=state.step,
                steps=self._steps_per_epoch,
                fraction=progress,
                images_per_s=len(self._data.train) / self._steps_per_epoch / seconds_per_step,
                eta_s=self._limit.eta_s(*state.position, seconds_per_step),
                loss=self._mean_loss,
            )
        )

    def _expected_epochs(self, progress: float) -> int:
        """Return the spec's epochs, or fewer: those until the end of the cool-down, or that fit into the time budget."""
        if self._state.cool_down:
            return self._state.cool_down.last_epoch
        if not self._time_limit:
            return self._spec.epochs
        state = self._state
        done = state.epoch + state.step / self._steps_per_epoch
        return min(self._spec.epochs, max(state.epoch + 1, round(done / progress)))

    def _end_epoch(self, started: float) -> None:
        """Evaluate, report, then save: every epoch that a checkpoint covers has been reported before."""
        state = self._state
        reading_started = time.perf_counter()
        _, correct, images, norms = sums = state.sums.tolist()
        train_s = (
            state.train_s + time.perf_counter() - reading_started
        )  # reading waits for the GPU's unfinished steps
        if self._time_limit and self._launched.count:  # in a short epoch no step was measured
            self._time_limit.note_step(train_s / state.step, round(images / state.step))
        self._launched.clear()
        train_loss = self._mean_loss = self._mean(sums)
        if norms == 0 and self._device.loss_scale != 1:
            raise TrainingDivergedError(state.epoch + 1, state.step)  # float16 overflowed in every step
        validation = self._evaluation.score() if self._rank.is_first else None
        data_s, steps = state.data_s, state.step
        state.epoch, state.step, state.train_s, state.data_s = state.epoch + 1, 0, 0.0, 0.0
        state.sums.zero_()
        if not self._rank.is_first:
            return
        row = EpochRow(
            epoch=state.epoch,
            train_loss=train_loss,
            train_accuracy=correct / images,
            val_loss=validation.loss if validation else None,
            val_accuracy=validation.accuracy if validation else None,
            learning_rate=float(state.optimizer.param_groups[0]["lr"]),
            images_per_s=images / train_s,
            duration_s=time.perf_counter() - started,
            gradient_norm=norms / steps,
            data_share=data_s / train_s,
            peak_memory_mb=self._device.peak_memory_mb(),
        )
        is_best = self._evaluation.keep_if_best(validation, ends_schedule=self._has_ended_schedule())
        self._reporter.epoch(row, is_best)
        if self._patience:
            self._patience.note_epoch()
        if time.monotonic() - self._saved_at > self._epoch_checkpoint_s:
            self._save()

    def _has_ended_schedule(self) -> bool:
        """Whether the training is over and its learning rate has fallen to the end of the schedule."""
        return self._recipe.decay is not Decay.KERAS_TIME and self._limit.is_over(*self._state.position)

    def _save_for_drain(self) -> None:
        """Save for the next attempt. The time until it starts does not count towards a time budget."""
        if self._time_limit or self._state.position != self._saved_position:
            self._save(is_drained=True)

    def _save_if_new(self) -> None:
        if self._state.position != self._saved_position:
            self._save()

    def _save(self, *, is_drained: bool = False) -> None:
        if not self._rank.is_first:
            return
        state = self._state
        if self._time_limit:
            state.used_s = self._time_limit.used_s
            state.still_running_at = 0.0 if is_drained else time.time()
        key = self._checkpoints.save(state)
        self._saved_at, self._saved_position = time.monotonic(), state.position
        self._reporter.checkpoint(CheckpointSaved(key, state.epoch, state.step, key if state.best else None))


def _no_sums() -> list[float] | None:
    """Stand in for `Device.read_async` before the first read of an epoch."""
    return None
