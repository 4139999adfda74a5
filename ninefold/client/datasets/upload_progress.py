"""How far the adding of a dataset is, and the bytes of a body that report themselves as they are sent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_REPORT_BYTES = 1 << 20


@dataclass(frozen=True)
class DatasetProgress:
    """How far the adding of a dataset is."""

    phase: str
    """`packing`, `uploading`, then the phases of the import: `queued`, `starting`, `reading`, `storing`."""
    done: int = 0
    """Bytes that were sent while `uploading`; files that were read afterwards."""
    total: int = 0
    """0 while it is not known."""
    waits_for: str | None = None
    """Why a queued import does not begin, such as `no_worker`."""

    @property
    def fraction(self) -> float:
        """The finished part of the phase, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def is_uploaded(self) -> bool:
        """Whether the service has the whole zip and no longer needs this client."""
        return self.phase not in ("packing", "uploading")


OnProgress = Callable[[DatasetProgress], None]


class ReportedBody:
    """The bytes of a body, each time they are iterated; reports how many were taken, at most `size`."""

    def __init__(
        self, source: Iterable[bytes], size: int, on_progress: OnProgress, *, sent_before: int = 0
    ) -> None:
        self._source = source
        self._size = size
        self._on_progress = on_progress
        self._sent_before = sent_before

    def __iter__(self) -> Iterator[bytes]:
        sent = reported = min(self._size, self._sent_before)
        self._on_progress(DatasetProgress("uploading", sent, self._size))
        for chunk in self._source:
            yield chunk
            sent = min(self._size, sent + len(chunk))
            if sent > reported and (sent - reported >= _REPORT_BYTES or sent == self._size):
                reported = sent
                self._on_progress(DatasetProgress("uploading", sent, self._size))
