"""A job's events as a person reads them: a live bar on a terminal, plain lines elsewhere."""

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ninefold.client.events import Event

PHASES = {
    "starting": "starting",
    "preparing_data": "preparing data",
    "training": "training",
    "evaluating": "evaluating",
    "publishing": "publishing",
}


@dataclass
class JobState:
    """What is known of a job from the events so far."""

    status: str = "queued"
    phase: str | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event.kind:
            case "snapshot":
                job = event.data.get("job", event.data)
                self._set_state(job)
                self.progress = job.get("progress") or {}
                self.row = job.get("metrics") or {}
            case "state" | "end":
                self._set_state(event.data)
            case "progress":
                self.progress = event.data
            case "epoch":
                self.row = event.data
            case "rewind":
                self.row = {}

    def _set_state(self, data: dict[str, Any]) -> None:
        self.status = data.get("status", self.status)
        self.phase = data.get("phase")

    @property
    def title(self) -> str:
        """What it is doing, in a word or two."""
        return PHASES.get(self.phase or "", self.status) if self.status == "running" else self.status

    @property
    def figures(self) -> str:
        """Epoch, accuracy, speed and the time left, as far as they are known."""
        words = []
        if epochs := self.progress.get("epochs"):
            words.append(f"epoch {max(self.progress['epoch'], self.row.get('epoch', 0))}/{epochs}")
        if (accuracy := self.row.get("val_accuracy")) is not None:
            words.append(f"val accuracy {accuracy:.1%}")
        if speed := self.progress.get("images_per_s"):
            words.append(f"{speed:,.0f} images/s")
        if (eta_s := time_left(self.progress, self.row)) is not None and self.status == "running":
            words.append(f"{duration(eta_s)} left")
        return "  ".join(words)


def time_left(progress: dict[str, Any], row: dict[str, Any]) -> float | None:
    """Seconds, unless that was said before the last epoch began: a GPU's may be shorter than the time between two reports."""
    is_old = progress.get("epoch", 0) < row.get("epoch", 0)
    return None if is_old else progress.get("eta_s")


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


class View(Protocol):
    """Shows one job's events."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, event: Event) -> None:
        """Show one event."""


def job_view(console: Console) -> View:
    """The view that suits this output."""
    return LiveView(console) if console.is_terminal else LineView(console)


class LiveView:
    """One bar that moves."""

    def __init__(self, console: Console) -> None:
        self._state = JobState()
        self._bar = Progress(
            TextColumn("{task.description:<15}"),
            BarColumn(bar_width=24),
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
        """Move the bar; a step back is said in a line above it."""
        self._state.apply(event)
        if event.kind == "rewind":
            self._bar.console.print(rewind_line(event))
        fraction = 1.0 if self._state.status == "succeeded" else self._state.progress.get("fraction", 0.0)
        self._bar.update(
            self._task, completed=fraction, description=self._state.title, figures=self._state.figures
        )


class LineView:
    """A line for each change and each epoch."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = JobState()
        self._title = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: Event) -> None:
        """Print what is new."""
        self._state.apply(event)
        if event.kind == "rewind":
            self._say(rewind_line(event))
        elif event.kind == "epoch":
            self._say(epoch_line(event.data, self._state.progress))
        # Not a snapshot's: what led to it is told next.
        if event.kind in ("state", "end") and self._state.title != self._title:
            self._title = self._state.title
            self._say(self._title)

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def epoch_line(row: dict[str, Any], progress: dict[str, Any]) -> str:
    """One epoch's figures."""
    of = f"/{progress['epochs']}" if progress.get("epochs") else ""
    words = [f"epoch {row['epoch']}{of}", f"train loss {row['train_loss']:.3f}"]
    if row.get("val_accuracy") is not None:
        words.append(f"val accuracy {row['val_accuracy']:.1%}")
    words.append(f"{row['images_per_s']:,.0f} images/s")
    if (eta_s := time_left(progress, row)) is not None:
        words.append(f"{duration(eta_s)} left")
    return "  ".join(words)


def rewind_line(event: Event) -> str:
    """Says that an attempt was lost and from where the next one goes on."""
    return f"going on from the checkpoint at epoch {event.data.get('epoch', 0)}"
