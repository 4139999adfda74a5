"""Shows how far the adding of a dataset is: a moving bar on a terminal, plain lines in a file or a pipe."""

from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ninefold.client.datasets.upload_progress import DatasetProgress

PHASES = {
    "packing": "listing the files",
    "uploading": "uploading",
    "queued": "waiting for a worker",
    "starting": "starting",
    "reading": "reading the files",
    "storing": "storing",
}
_UNITS = ("bytes", "KB", "MB", "GB")


class View(Protocol):
    """Shows the progress of one dataset."""

    progress: DatasetProgress

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, progress: DatasetProgress) -> None:
        """Show the progress."""


def dataset_view(console: Console) -> View:
    """Return a bar for a terminal and lines for any other output."""
    return BarView(console) if console.is_terminal else LineView(console)


class BarView:
    """One bar, which begins again with the import."""

    def __init__(self, console: Console) -> None:
        self.progress = DatasetProgress("packing")
        self._bar = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(PHASES["packing"], total=1.0, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: DatasetProgress) -> None:
        """Update the bar."""
        self.progress = progress
        self._bar.update(
            self._task, completed=progress.fraction, description=title(progress), figures=figures(progress)
        )


class LineView:
    """One line for each new phase."""

    def __init__(self, console: Console) -> None:
        self.progress = DatasetProgress("packing")
        self._console = console
        self._title = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, progress: DatasetProgress) -> None:
        """Print the phase if it is new."""
        self.progress = progress
        if title(progress) != self._title:
            self._title = title(progress)
            self._console.print(self._title, highlight=False, soft_wrap=True)


def title(progress: DatasetProgress) -> str:
    """Name the phase in words; for a queued import, what it waits for."""
    if progress.waits_for == "no_worker":
        return "waiting: no worker"
    return PHASES.get(progress.phase, progress.phase)


def figures(progress: DatasetProgress) -> str:
    """Return the bytes sent or the files read; empty while the total is not known."""
    if not progress.total:
        return ""
    if progress.is_uploaded:
        return f"{progress.done:,} of {progress.total:,} files"
    unit = min(len(_UNITS) - 1, (len(str(progress.total)) - 1) // 3)
    return f"{progress.done / 1000**unit:,.1f} of {progress.total / 1000**unit:,.1f} {_UNITS[unit]}"
