"""The training loop: epochs, steps, validation, checkpoints. It knows no files and no service."""

import logging
import math
import time
from collections.abc import Sequence
from functools import partial

from model.artifact.manifest import FinishReason
from model.device.device import Device
from model.device.ranks import Rank
from model.errors import TrainingDivergedError
from model.evaluation.predictions import predict_logits
from model.evaluation.scores import Score, score
from model.recipes.progressive_resizing import remaining_time
from model.recipes.recipe import Recipe
from model.recipes.schedule import steps_per_epoch
from model.spec import ClassWeighting, ResolvedSpec
from model.training.checkpoint import Checkpoints
from model.training.reporter import CheckpointSaved, Command, Drained, EpochRow, Progress, Reporter
from model.training.run_limit import EpochLimit, Pace, TimeLimit, downtime_s
from model.training.run_state import Best, RunState
from model.training.seeding import epoch_order
from model.training.step import TrainingStep
from model.training.training_data import Split, TrainingData

_LEAST_AT_RISK_S = 5.0
_BUDGET_SHARE_AT_RISK = 0.02
"""Of a time budget: so much of it may be trained before the next checkpoint."""

_COMMANDS = tuple(Command)
_log = logging.getLogger(__name__)


class _StoppedEarly(Exception):  # noqa: N818 - an end that was asked for, not an error
    """Raised when the best so far is wanted, and there is one."""


class Loop:
    """One run from its state's position to its last epoch."""

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
        self._steps = steps_per_epoch(len(data.train), spec.batch_size)
        self._pauses = pauses
        self._pace, self._timer = self._start_pace()
        self._make_step = TrainingStep(
            spec=spec,
            recipe=recipe,
            total_steps=self._steps * spec.epochs,
            data=data,
            state=state,
            device=device,
            rank=rank,
        )
        self._saved_at, self._saved_position = time.monotonic(), state.position
        self._mean_loss = 0.0
        self._read_sums = _nothing_yet

    def _start_pace(self) -> tuple[Pace, TimeLimit | None]:
        left = partial(remaining_time, self._recipe, full_side=self._spec.image_size)
        by_steps, state = EpochLimit(self._spec.epochs, self._steps, left), self._state
        if self._spec.time_budget_s is None:
            return by_steps, None
        # The last epoch's validation and the calibration; the test split, and again with its mirror images.
        scored = 2 * len(self._data.validation) + len(self._data.test) * (
            3 if self._spec.horizontal_flip else 1
        )
        used_s = state.used_s + downtime_s(state.left_at, time.time(), self._pauses)
        timer = TimeLimit(by_steps, self._spec.time_budget_s, scored, used_s)
        at_risk_s = max(_LEAST_AT_RISK_S, self._spec.time_budget_s * _BUDGET_SHARE_AT_RISK)
        self._step_checkpoint_s = min(self._step_checkpoint_s, at_risk_s)
        return timer, timer

    def run(self) -> FinishReason:
        """Train to the last epoch, or until the time is up or the reporter asks to stop and something can be published.

        Raises:
            Drained: asked for by the reporter; a checkpoint is saved.
            TrainingDivergedError: the loss is no longer a finite number.
        """
        state = self._state
        if self._timer and not state.left_at:
            self._save()  # whoever goes on after a crash knows since when time counts
        try:
            while state.epoch == 0 or not self._is_over():  # one epoch is judged, however short
                started = time.perf_counter()
                self._train_epoch()
                self._end_epoch(started)
        except _StoppedEarly:
            return FinishReason.STOPPED
        return FinishReason.COMPLETED if state.epoch >= self._spec.epochs else FinishReason.TIME_BUDGET

    def _is_over(self) -> bool:
        [is_over] = self._rank.broadcast(lambda: [self._pace.is_over(*self._state.position)], length=1)
        return bool(is_over)

    def _train_epoch(self) -> None:
        state = self._state
        state.network.train()
        order_N = epoch_order(self._spec.seed, state.epoch, len(self._data.train))
        batches = self._device.place(order_N).tensor_split(self._steps)
        self._read_sums = _nothing_yet
        while state.step < self._steps:
            is_over, command, progress = self._rank.broadcast(self._decide, length=3)
            if is_over:
                break
            self._pass_gate(_COMMANDS[int(command)])
            started = time.perf_counter()
            batch_N = batches[state.step]
            self._make_step(batch_N, progress)
            state.step += 1
            self._look()
            taken_s = time.perf_counter() - started
            state.train_s += taken_s
            if self._timer:
                self._timer.note_step(taken_s, len(batch_N))
            self._report_progress()

    def _decide(self) -> list[float]:
        """Whether no further step is to be made, the number of what the outside wants, how much of the run is done."""
        position = self._state.position
        if self._pace.is_over(*position):
            return [True, _COMMANDS.index(Command.CONTINUE), 1.0]
        return [False, _COMMANDS.index(self._command()), self._pace.progress(*position)]

    def _pass_gate(self, command: Command) -> None:
        if command is Command.DRAIN:
            self._hand_back()
            raise Drained
        if command is Command.STOP:
            self._save_if_new()  # whoever repeats the rest then publishes the same
            raise _StoppedEarly
        if time.monotonic() - self._saved_at > self._step_checkpoint_s:
            self._save()

    def _command(self) -> Command:
        """What the outside wants, where it can be had."""
        command = self._reporter.next_command()
        is_early = command is Command.STOP and not self._has_something_to_publish()
        return Command.CONTINUE if is_early else command

    def _has_something_to_publish(self) -> bool:
        """Without validation images only whole epochs count: the weights at the end of one."""
        if len(self._data.validation):
            return self._state.best is not None
        return self._state.epoch > 0 and self._state.step == 0

    def _look(self) -> None:
        """See the loss now and then."""
        if self._state.step % self._device.steps_between_loss_reads == 0:
            self._read_sums = self._device.read_async(self._state.sums)
        if sums := self._read_sums():
            self._mean_loss = self._mean(sums)

    def _mean(self, sums: list[float]) -> float:
        """The mean loss; one number in the network that is not finite makes it not finite."""
        loss, _, images, _ = sums
        if not math.isfinite(loss):
            raise TrainingDivergedError(self._state.epoch + 1, self._state.step)
        return loss / images

    def _report_progress(self) -> None:
        state = self._state
        progress = self._pace.progress(*state.position)
        seconds_per_step = state.train_s / state.step
        self._reporter.progress(
            Progress(
                epoch=state.epoch + 1,
                epochs=self._expected_epochs(progress),
                step=state.step,
                steps=self._steps,
                fraction=progress,
                images_per_s=len(self._data.train) / self._steps / seconds_per_step,
                eta_s=self._pace.eta_s(*state.position, seconds_per_step),
                loss=self._mean_loss,
            )
        )

    def _expected_epochs(self, progress: float) -> int:
        """All of them, or as many as the time will be enough for at this speed."""
        if not self._timer:
            return self._spec.epochs
        state = self._state
        done = state.epoch + state.step / self._steps
        return min(self._spec.epochs, max(state.epoch + 1, round(done / progress)))

    def _end_epoch(self, started: float) -> None:
        """Judge, report, then checkpoint: a row that a checkpoint covers has always been reported."""
        state = self._state
        waiting = time.perf_counter()
        _, right, images, norms = sums = state.sums.tolist()
        train_s = state.train_s + time.perf_counter() - waiting  # a GPU still had steps to make
        train_loss = self._mean(sums)
        if norms == 0 and self._device.loss_scale != 1:
            raise TrainingDivergedError(state.epoch + 1, state.step)  # no step was without overflow
        validation = self._validate() if self._rank.is_first else None
        data_s, steps = state.data_s, state.step
        state.epoch, state.step, state.train_s, state.data_s = state.epoch + 1, 0, 0.0, 0.0
        state.sums.zero_()
        if not self._rank.is_first:
            return
        row = EpochRow(
            epoch=state.epoch,
            train_loss=train_loss,
            train_accuracy=right / images,
            val_loss=validation.loss if validation else None,
            val_accuracy=validation.accuracy if validation else None,
            learning_rate=float(state.optimizer.param_groups[0]["lr"]),
            images_per_s=images / train_s,
            duration_s=time.perf_counter() - started,
            gradient_norm=norms / steps,
            data_share=data_s / train_s,
            peak_memory_mb=self._device.peak_memory_mb(),
        )
        self._reporter.epoch(row, self._keep_best(validation))
        if time.monotonic() - self._saved_at > self._epoch_checkpoint_s:
            self._save()

    def _validate(self) -> Score | None:
        if len(self._data.validation):
            return self._judge(self._data.validation)
        monitor = self._judge(self._data.test)
        _log.info("epoch %d: test accuracy %.4f (a monitor only)", self._state.epoch + 1, monitor.accuracy)
        return None

    def _judge(self, split: Split) -> Score:
        started = time.perf_counter()
        logits_NK = predict_logits(
            self._state.evaluated_network, split.images_NHWC, self._data.normalisation, self._device
        )
        if self._timer:
            self._timer.note_scoring(time.perf_counter() - started, len(split))
        judged = score(logits_NK, split.labels_N)
        # The last step may have spoilt the weights after its own loss was still finite.
        if not math.isfinite(judged.loss):
            raise TrainingDivergedError(self._state.epoch + 1, self._steps)
        return judged

    def _keep_best(self, validation: Score | None) -> bool:
        state = self._state
        if validation is None:
            return False
        is_weighted = self._spec.class_weighting is not ClassWeighting.NONE
        chosen_by = validation.balanced_accuracy if is_weighted else validation.accuracy
        best = Best(
            state.epoch, chosen_by, validation.loss, validation.accuracy, state.copy_evaluated_weights()
        )
        if not best.beats(state.best):
            return False
        state.best = best
        return True

    def _hand_back(self) -> None:
        """Save for whoever goes on; the time until then is nobody's fault."""
        if self._timer or self._state.position != self._saved_position:
            self._save(is_handed_back=True)

    def _save_if_new(self) -> None:
        if self._state.position != self._saved_position:
            self._save()

    def _save(self, *, is_handed_back: bool = False) -> None:
        if not self._rank.is_first:
            return
        state = self._state
        if self._timer:
            state.used_s, state.left_at = self._timer.used_s, 0.0 if is_handed_back else time.time()
        key = self._checkpoints.save(state)
        self._saved_at, self._saved_position = time.monotonic(), state.position
        self._reporter.checkpoint(CheckpointSaved(key, state.epoch, state.step, key if state.best else None))


def _nothing_yet() -> list[float] | None:
    """No values are there to be read."""
    return None
