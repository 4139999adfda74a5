"""The output of `python -m model train`: a live table on a terminal, else lines of text or JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console as Terminal
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from model.artifact.manifest import Manifest
from model.spec import ResolvedSpec
from model.training.reporter import CheckpointSaved, Command, EpochRow, Progress

_COLUMNS = ("epoch", "train loss", "train acc", "val loss", "val acc", "lr", "img/s", "seconds")


class LineConsole:
    """Prints a line of text per epoch."""

    def phase(self, phase: str) -> None:
        """Print the phase that begins."""
        print(phase.replace("_", " "), flush=True)  # noqa: T201 - the command's output

    def progress(self, progress: Progress) -> None:
        """Print nothing: lines are printed per epoch."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Print the metrics of an epoch; a star marks the best epoch so far."""
        cells = zip(_COLUMNS, _cells(row), strict=True)
        line = "  ".join(f"{name} {cell}" for name, cell in cells)
        print(line, "*" if is_best else "", flush=True)  # noqa: T201 - the command's output

    def checkpoint(self, saved: CheckpointSaved) -> None:
        """Print nothing: the command stores no checkpoints."""

    def rewind(self, epoch: int) -> None:
        """Print nothing: the command never resumes a training."""

    def next_command(self) -> Command:
        """Continue always: the command cannot be paused or stopped from outside."""
        return Command.CONTINUE

    def result(self, manifest: Manifest) -> None:
        """Print the scores on the test images."""
        metrics = manifest.metrics
        low, high = metrics.ci95
        print(  # noqa: T201 - the command's output
            f"test accuracy {metrics.test_accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
            f"with flips {metrics.test_accuracy_tta:.2%}, loss {metrics.test_loss:.4f}, "
            f"best epoch {metrics.best_epoch} of {metrics.epochs}, temperature {manifest.temperature:.3f}"
        )


class JsonConsole(LineConsole):
    """Prints only lines with a JSON object each."""

    def phase(self, phase: str) -> None:
        """Print nothing: only metrics are printed as JSON."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:  # noqa: ARG002 - required by the Reporter protocol
        """Print the metrics of an epoch."""
        print(json.dumps(asdict(row)), flush=True)  # noqa: T201 - the command's output

    def result(self, manifest: Manifest) -> None:
        """Print the scores on the test images."""
        scores = {"temperature": manifest.temperature, **manifest.metrics.model_dump(mode="json")}
        print(json.dumps(scores), flush=True)  # noqa: T201 - the command's output


class LiveConsole(LineConsole):
    """Shows a table of the epochs and a progress bar on a terminal."""

    def __init__(self, spec: ResolvedSpec, terminal: Terminal) -> None:
        self._table = Table(*_COLUMNS, title=f"{spec.name}: {spec.recipe}, {spec.image_size} px")
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        self._task: TaskID = self._bar.add_task("starting", total=None, rate="")
        self.live = Live(Group(self._table, self._bar), console=terminal)

    def phase(self, phase: str) -> None:
        """Show the phase that begins beside the progress bar."""
        self._bar.update(self._task, description=phase.replace("_", " "))

    def progress(self, progress: Progress) -> None:
        """Update the progress bar."""
        self._bar.update(
            self._task,
            description=f"epoch {progress.epoch} of {progress.epochs}",
            completed=progress.step,
            total=progress.steps,
            rate=", ".join(_rates(progress)),
        )

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Add a row to the table; a bold row marks the best epoch so far."""
        self._table.add_row(*_cells(row), style="bold" if is_best else None)


@contextmanager
def open_console(spec: ResolvedSpec, *, as_json: bool) -> Iterator[LineConsole]:
    """Choose the console: JSON when requested, a live table on a terminal, else plain lines."""
    terminal = Terminal()
    if as_json:
        yield JsonConsole()
    elif not sys.stdout.isatty():
        yield LineConsole()
    else:
        console = LiveConsole(spec, terminal)
        with console.live:
            yield console


def _rates(progress: Progress) -> Iterator[str]:
    yield f"{progress.images_per_s:.0f} img/s"
    if progress.loss is not None:
        yield f"loss {progress.loss:.3f}"
    yield f"{progress.eta_s:.0f} s left"


def _cells(row: EpochRow) -> tuple[str, ...]:
    return (
        str(row.epoch),
        f"{row.train_loss:.4f}",
        f"{row.train_accuracy:.2%}",
        "-" if row.val_loss is None else f"{row.val_loss:.4f}",
        "-" if row.val_accuracy is None else f"{row.val_accuracy:.2%}",
        f"{row.learning_rate:.4f}",
        f"{row.images_per_s:.0f}",
        f"{row.duration_s:.1f}",
    )
