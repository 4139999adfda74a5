"""Trains ResNet9 with Ninefold's own training loop on random images, to be timed."""

from benchmarks.speed.measurement import measurement, now
from benchmarks.speed.random_images import random_run
from model.device.device import open_device
from model.device.ranks import SINGLE_PROCESS
from model.host.cpus import cpu_quota
from model.recipes.resolved_recipe import describe_recipe
from model.storage.opening import open_storage
from model.training.checkpoint import Checkpoints
from model.training.loop import TrainingLoop
from model.training.reporter import CheckpointSaved, Command, EpochRow, Progress
from model.training.run_state import initial_state


class Stopwatch:
    """A reporter that takes the times after the first and after the last step."""

    def __init__(self, device_name: str) -> None:
        self._device_name = device_name
        self._times: list[float] = []

    @property
    def seconds(self) -> float:
        """The duration of all steps but the first."""
        first, last = self._times
        return last - first

    def phase(self, phase: str) -> None: ...  # noqa: D102
    def epoch(self, row: EpochRow, is_best: bool) -> None: ...  # noqa: D102
    def checkpoint(self, saved: CheckpointSaved) -> None: ...  # noqa: D102
    def rewind(self, epoch: int) -> None: ...  # noqa: D102
    def next_command(self) -> Command:  # noqa: D102
        return Command.CONTINUE

    def progress(self, progress: Progress) -> None:
        """Take the time after the first and the last step."""
        if progress.step in (1, progress.steps):
            self._times.append(now(self._device_name))


def train(batch_size: int, steps: int, device_name: str) -> dict[str, float]:
    """Train one step as warm-up, then time `steps` steps, from augmentation to weight average."""
    device, storage = open_device(device_name, cpu_quota()), open_storage("file:///tmp")
    spec, recipe, data = random_run(device, batch_size, batch_size * (steps + 1))
    stopwatch = Stopwatch(device_name)
    TrainingLoop(
        spec=spec,
        recipe=recipe,
        data=data,
        state=initial_state(spec, recipe, data, steps + 1, device),
        device=device,
        reporter=stopwatch,
        checkpoints=Checkpoints(storage, "benchmark", spec, describe_recipe(spec.recipe, recipe), device),
        rank=SINGLE_PROCESS,
        epoch_checkpoint_s=float("inf"),
        step_checkpoint_s=float("inf"),
    ).run()
    return measurement(batch_size * steps, stopwatch.seconds, device_name)
