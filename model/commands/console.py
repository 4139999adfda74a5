"""What a person, or a program reading lines, sees of a training run by hand."""

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
    """One plain line an epoch."""

    def phase(self, phase: str) -> None:
        """Say what begins."""
        print(phase.replace("_", " "), flush=True)  # noqa: T201 - the command's output

    def progress(self, progress: Progress) -> None:
        """Lines are for epochs only."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Print the row; the best so far ends with a star."""
        cells = zip(_COLUMNS, _cells(row), strict=True)
        line = "  ".join(f"{name} {cell}" for name, cell in cells)
        print(line, "*" if is_best else "", flush=True)  # noqa: T201 - the command's output

    def checkpoint(self, saved: CheckpointSaved) -> None:
        """The command takes none."""

    def rewind(self, epoch: int) -> None:
        """The command resumes nothing."""

    def next_command(self) -> Command:
        """Nobody holds this run back."""
        return Command.CONTINUE

    def result(self, manifest: Manifest) -> None:
        """Print the test scores."""
        metrics = manifest.metrics
        low, high = metrics.ci95
        print(  # noqa: T201 - the command's output
            f"test accuracy {metrics.test_accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
            f"with flips {metrics.test_accuracy_tta:.2%}, loss {metrics.test_loss:.4f}, "
            f"best epoch {metrics.best_epoch} of {metrics.epochs}, temperature {manifest.temperature:.3f}"
        )


class JsonConsole(LineConsole):
    """One JSON object a line and nothing else."""

    def phase(self, phase: str) -> None:
        """Rows only."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:  # noqa: ARG002 - the reporter's shape
        """Print the row."""
        print(json.dumps(asdict(row)), flush=True)  # noqa: T201 - the command's output

    def result(self, manifest: Manifest) -> None:
        """Print the test scores."""
        scores = {"temperature": manifest.temperature, **manifest.metrics.model_dump(mode="json")}
        print(json.dumps(scores), flush=True)  # noqa: T201 - the command's output


class LiveConsole(LineConsole):
    """A growing table and a bar, on a terminal."""

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
        """Name what begins on the bar."""
        self._bar.update(self._task, description=phase.replace("_", " "))

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            description=f"epoch {progress.epoch} of {progress.epochs}",
            completed=progress.step,
            total=progress.steps,
            rate=f"{progress.images_per_s:.0f} img/s, loss {progress.loss:.3f}, {progress.eta_s:.0f} s left",
        )

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Add a row; the best so far is bold."""
        self._table.add_row(*_cells(row), style="bold" if is_best else None)


@contextmanager
def open_console(spec: ResolvedSpec, *, as_json: bool) -> Iterator[LineConsole]:
    """The console that fits where the output goes."""
    terminal = Terminal()
    if as_json:
        yield JsonConsole()
    elif not sys.stdout.isatty():
        yield LineConsole()
    else:
        console = LiveConsole(spec, terminal)
        with console.live:
            yield console


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
