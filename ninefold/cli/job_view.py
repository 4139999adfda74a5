"""Shows the events of a job: a moving progress bar on a terminal, plain lines in a file or a pipe."""

from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ninefold.cli.job_state import JobState, duration, remaining_s
from ninefold.client.events import Event


class View(Protocol):
    """Shows the events of one job."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, event: Event) -> None:
        """Show one event."""


def job_view(console: Console) -> View:
    """Return a bar for a terminal and lines for any other output."""
    return BarView(console) if console.is_terminal else LineView(console)


WIDE = 120
"""The columns of a terminal that has room for a long bar and all figures."""


class BarView:
    """One progress bar, which fits into 80 columns."""

    def __init__(self, console: Console) -> None:
        self._state = JobState()
        self._is_wide = console.width >= WIDE
        self._bar = Progress(
            TextColumn("{task.description:<19}" if self._is_wide else "{task.description}"),
            BarColumn(bar_width=24 if self._is_wide else 10),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
        )
        self._task = self._bar.add_task("queued", total=1.0, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Update the bar; print a rewind as a line above the bar."""
        self._state.apply(event)
        if event.kind == "rewind":
            self._bar.console.print(rewind_line(event))
        fraction = 1.0 if self._state.status == "succeeded" else self._state.progress.get("fraction", 0.0)
        figures = self._state.figures if self._is_wide else self._state.short_figures
        self._bar.update(self._task, completed=fraction, description=self._state.title, figures=figures)


class LineView:
    """One line for each new status, phase, epoch and rewind."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = JobState()
        self._title = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: Event) -> None:
        """Print the event if it is news for the reader."""
        self._state.apply(event)
        if event.kind == "rewind":
            self._print(rewind_line(event))
        elif event.kind == "epoch":
            self._print(epoch_line(event.data, self._state.progress))
        # A snapshot's status is not printed: the stored events that follow it tell the job's course from the start.
        if event.kind in ("state", "end") and self._state.title != self._title:
            self._title = self._state.title
            self._print(self._title)

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def epoch_line(row: dict[str, Any], progress: dict[str, Any]) -> str:
    """Format the metrics of one epoch; the remaining time comes from the latest progress report."""
    of = f"/{progress['epochs']}" if progress.get("epochs") else ""
    words = [f"epoch {row['epoch']}{of}", f"train loss {row['train_loss']:.3f}"]
    if row.get("val_accuracy") is not None:
        words.append(f"val accuracy {row['val_accuracy']:.1%}")
    words.append(f"{row['images_per_s']:,.0f} images/s")
    if (eta_s := remaining_s(progress, row)) is not None:
        words.append(f"{duration(eta_s)} left")
    return "  ".join(words)


def rewind_line(event: Event) -> str:
    """Format a rewind: the epoch from whose checkpoint the training continues."""
    return f"continuing from the checkpoint at epoch {event.data.get('epoch', 0)}"
