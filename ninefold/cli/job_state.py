"""The state of one job, as far as the events received so far show it, and its figures as text."""

from dataclasses import dataclass, field
from typing import Any

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
    """Status, phase, progress and latest epoch of one job."""

    status: str = "queued"
    is_waiting_for_dataset: bool = False
    phase: str | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    """The data of the latest `progress` event."""
    row: dict[str, Any] = field(default_factory=dict)
    """The metrics of the latest finished epoch."""

    def apply(self, event: Event) -> None:
        """Update the state from one event."""
        match event.kind:
            case "snapshot":
                job = event.data.get("job", event.data)
                self._set_status(job)
                self.progress = job.get("progress") or {}
                self.row = job.get("metrics") or {}
            case "state" | "end":
                self._set_status(event.data)
            case "progress":
                self.progress = event.data
            case "epoch":
                self.row = event.data
            case "rewind":
                self.row = {}

    def _set_status(self, data: dict[str, Any]) -> None:
        self.status = data.get("status", self.status)
        self.phase = data.get("phase")
        self.is_waiting_for_dataset = data.get("queued_reason") == "waiting_for_dataset"

    @property
    def title(self) -> str:
        """The phase of a running job, otherwise the status or what the job waits for."""
        if self.is_waiting_for_dataset:
            return "waiting for dataset"
        return PHASES.get(self.phase or "", self.status) if self.status == "running" else self.status

    @property
    def figures(self) -> str:
        """The known ones of: epoch, validation accuracy, images per second, remaining time."""
        return self._figures(has_speed=True)

    @property
    def short_figures(self) -> str:
        """The figures without the images per second, for a narrow terminal."""
        return self._figures(has_speed=False)

    def _figures(self, *, has_speed: bool) -> str:
        words = []
        if epochs := self.progress.get("epochs"):
            words.append(f"epoch {max(self.progress['epoch'], self.row.get('epoch', 0))}/{epochs}")
        if (accuracy := self.row.get("val_accuracy")) is not None:
            words.append(f"val accuracy {accuracy:.1%}")
        if has_speed and (speed := self.progress.get("images_per_s")):
            words.append(f"{speed:,.0f} images/s")
        if (eta_s := remaining_s(self.progress, self.row)) is not None and self.status == "running":
            words.append(f"{duration(eta_s)} left")
        return "  ".join(words)


def remaining_s(progress: dict[str, Any], row: dict[str, Any]) -> float | None:
    """Return the remaining seconds, or None if the latest progress report is older than the latest finished epoch.

    Reports come about once a second; on a GPU an epoch may be shorter than that.
    """
    is_outdated = progress.get("epoch", 0) < row.get("epoch", 0)
    return None if is_outdated else progress.get("eta_s")


def duration(seconds: float) -> str:
    """Format a duration as `42 s`, `3 min 05 s` or `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
