"""A packer that packs what has ended just now."""

from datetime import UTC, datetime, timedelta

from worker.queue.store import JobStore
from worker.upkeep.packer import HistoryPacker


def packer(store: JobStore, after_days: float = 0.0, hours_from_now: float = 2.0) -> HistoryPacker:
    """Make a packer whose clock is ahead, because a history is packed an hour after its end."""
    later = datetime.now(UTC) + timedelta(hours=hours_from_now)
    return HistoryPacker(store, after_days, clock=lambda: later)
