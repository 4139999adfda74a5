"""Trains on a tiny dataset in seconds, with a reporter that records all reports."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact.trained_model import TrainedModel
from model.data.importing import import_dataset
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec, RecipeName, ResolvedSpec
from model.storage.interface import Storage
from model.training.reporter import CheckpointSaved, Command, Drained, EpochRow, Progress
from model.training.request import TrainingRequest
from model.training.training import run_training

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}

TIMINGS = frozenset({"duration_s", "images_per_s", "data_share", "peak_memory_mb"})
"""The fields of an epoch's row that differ between two otherwise equal trainings."""


def import_colours(folder: Path, storage: Storage, classes: int = 3, images: int = 16) -> DatasetFacts:
    """Generate noisy squares of 16 px, a colour for each class, and import them as a dataset."""
    random = np.random.default_rng(0)
    for name, colour in list(COLOURS.items())[:classes]:
        for split, count in (("train", images), ("test", 6)):
            path = folder / split / name
            path.mkdir(parents=True)
            for number in range(count):
                noise = random.integers(-40, 40, (16, 16, 3))
                pixels = np.clip(noise + colour, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(path / f"{number}.png")
    return import_dataset(folder, storage, "colours").facts


@dataclass
class Recorder:
    """Records all reports. Commands a drain before one step, or a stop before one step and all later steps."""

    drain_before: int | None = None
    stop_before: int | None = None
    phases: list[str] = field(default_factory=list)
    steps: list[Progress] = field(default_factory=list)
    rows: list[EpochRow] = field(default_factory=list)
    best_epochs: list[int] = field(default_factory=list)
    saved: list[CheckpointSaved] = field(default_factory=list)
    rewound_to: list[int] = field(default_factory=list)

    def phase(self, phase: str) -> None:
        self.phases.append(phase)

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        self.rows.append(row)
        if is_best:
            self.best_epochs.append(row.epoch)

    def checkpoint(self, saved: CheckpointSaved) -> None:
        self.saved.append(saved)

    def rewind(self, epoch: int) -> None:
        self.rewound_to.append(epoch)

    def next_command(self) -> Command:
        if len(self.steps) == self.drain_before:
            return Command.DRAIN
        if self.stop_before is not None and len(self.steps) >= self.stop_before:
            return Command.STOP
        return Command.CONTINUE


@dataclass(frozen=True)
class TinyTraining:
    """Storage, cache and dataset of the trainings of the tests."""

    storage: Storage
    cache_dir: Path
    facts: DatasetFacts

    def spec(self, **given: object) -> ResolvedSpec:
        """Return a spec of two epochs of three steps with the given fields; a step of `classic` is the fastest."""
        quick = {"recipe": RecipeName.CLASSIC, "epochs": 2, "batch_size": 13, "image_size": 16}
        job = {"dataset": self.facts.id, **quick, **given}
        return resolve(JobSpec.model_validate(job), self.facts, "cpu")[0]

    def request(
        self,
        spec: ResolvedSpec,
        *,
        attempt: int = 1,
        resume_from: str | None = None,
        checkpoint_every_s: float = 1e9,
        device: str = "cpu",
    ) -> TrainingRequest:
        return TrainingRequest(
            spec=spec,
            checkpoint_prefix=f"checkpoints/job_test/{attempt}",
            resume_from=resume_from,
            devices=(device,),
            threads=1,
            cache_dir=self.cache_dir,
            storage=self.storage,
            checkpoint_every_s=checkpoint_every_s,
        )

    def train(self, reporter: Recorder | None = None, **given: object) -> TrainedModel:
        return run_training(self.request(self.spec(**given)), reporter or Recorder())

    def drain(self, spec: ResolvedSpec, before_step: int, device: str = "cpu") -> Recorder:
        """Train until the drain before step `before_step`; fail if the training ends earlier."""
        recorder = Recorder(drain_before=before_step)
        try:
            run_training(self.request(spec, device=device), recorder)
        except Drained:
            return recorder
        raise AssertionError("the training ended before it was drained")
