"""Operations on the histories of ended work items, which upkeep packs. Sends nothing itself."""

from worker.queue.packed_history import History
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server import keys as redis_keys
from worker.redis_server.scripts import Commands, Reply, ScriptCall


def read_history(item_id: str) -> ScriptCall[History | None]:
    """Read the history of an ended item; None when the item has not ended, is packed, or its history is too large."""
    return QUEUE_SCRIPTS.call("history/read", {"item_id": item_id}, _read_history)


def _read_history(reply: Reply) -> History | None:
    if not reply:
        return None
    trimmed, event_words, row_words, *words = reply
    rows_at = int(event_words)
    lines_at = rows_at + int(row_words)
    events, rows = words[:rows_at], words[rows_at:lines_at]
    return History(
        events=list(zip(events[::3], events[1::3], events[2::3], strict=True)),
        is_trimmed=bool(trimmed),
        rows=dict(zip(rows[::2], rows[1::2], strict=True)),
        log_lines=words[lines_at:],
    )


def pack_history(item_id: str, history: History) -> ScriptCall[None]:
    """Replace the history of an ended item by its packed text. May be repeated."""
    arguments = {"item_id": item_id, "packed": history.packed()}
    return QUEUE_SCRIPTS.call("history/pack", arguments, lambda _: None)


def note_packing_release(at: str) -> Commands[str]:
    """Note the time at which a release that reads packed histories first ran here; returns the time noted first."""
    key = redis_keys.PACKING_SINCE
    return Commands((("SET", key, at, "NX"), ("GET", key)), lambda results: str(results[1]))
