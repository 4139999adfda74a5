"""The rules for every kind of work. Each yields its violations."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise

from tests.chaos.history.run_history import RunHistory
from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Outcome, Status

ITEM_ENDING_OUTCOMES = frozenset({Outcome.SUCCEEDED, Outcome.STOPPED, Outcome.FAILED, Outcome.CANCELLED})


def no_work_is_lost(run: RunHistory) -> Iterator[str]:
    for entry in run.accepted:
        if entry["item_id"] not in run.items:
            yield f"{entry['item_id']} was accepted, and the API does not know it"


def a_key_makes_one_item(run: RunHistory) -> Iterator[str]:
    answers = Counter(key for key, _ in {(entry["key"], entry["item_id"]) for entry in run.accepted})
    records = Counter(run.keys.values())
    for key, count in (answers | records).items():
        if count > 1 or key not in run.submitted:
            yield f"{count} items for the key {key}"


def every_item_ends(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        if item["status"] not in TERMINAL:
            yield f"{item_id} is {item['status']}"


def every_unfinished_item_renews_its_lease(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        if item["status"] not in HELD:
            continue
        counts = [entry["renewals"] for entry in run.leases[item_id]]
        if len(counts) == 2 and counts[0] == counts[1]:
            yield f"{item_id} is {item['status']} and its lease is not renewed"


def every_change_is_legal(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        statuses = [Status(step["status"]) for step in item["transitions"]]
        for before, after in pairwise(statuses):
            if after not in TRANSITIONS[before]:
                yield f"{item_id} went from {before} to {after}"
        if statuses[0] != Status.QUEUED or statuses[-1] != item["status"]:
            yield f"{item_id} is {item['status']} after {statuses}"


def the_events_tell_every_change(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        told = [event["data"]["status"] for event in run.replayed[item_id] if event["event"] == "state"]
        changes = [step["status"] for step in item["transitions"]]
        if item["status"] in TERMINAL and without_repeats(told) != without_repeats(changes):
            yield f"{item_id} went through {changes}, and its events tell {told}"


def without_repeats(statuses: list[str]) -> list[str]:
    return [status for status, _ in groupby(statuses)]


def only_one_attempt_ends_an_item(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        numbers = [attempt["number"] for attempt in item["attempts"]]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{item_id} has attempts {numbers}"
        ends = [attempt["outcome"] in ITEM_ENDING_OUTCOMES for attempt in item["attempts"]]
        if any(ends[:-1]):
            yield f"{item_id} continued after an attempt that ended it"


def no_stale_write_is_accepted(run: RunHistory) -> Iterator[str]:
    """Violated by a write that was sent after the claim of a later attempt was answered, and that was accepted."""
    for item_id, writes in run.writes.items():
        claims = run.claims[item_id]
        claimed_at = {claim["attempt_id"]: claim["at"] for claim in claims}
        first_sent: dict[tuple[str, str], float] = {}
        for write in writes:
            write_id = write["verb"], write["attempt_id"]
            # A repeated end of an attempt, after a lost answer, is acknowledged and changes nothing.
            is_repeatable = write["verb"] in ("finish", "release", "succeed")
            sent_at = first_sent.setdefault(write_id, write["sent_at"]) if is_repeatable else write["sent_at"]
            own = claimed_at.get(write["attempt_id"], sent_at)
            if write["answer"] == "ok" and any(own < at < sent_at for at in claimed_at.values()):
                yield f"{write['verb']} by {write['attempt_id']} on {item_id}"


def the_end_is_the_last_event(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        kinds = [event["event"] for event in run.replayed[item_id]]
        if item["status"] in TERMINAL and (kinds.count("end") != 1 or kinds[-1] != "end"):
            yield f"{item_id} has {kinds.count('end')} end events, and its last event is {kinds[-1:]}"


def every_watcher_receives_every_event_once(run: RunHistory) -> Iterator[str]:
    """Over all its connections, a watcher receives the same events as a reader that connects after the end."""
    for (watcher, item_id), received in run.received.items():
        expected = [event["id"] for event in run.replayed[item_id]]
        if expected and received != expected:
            lost, extra = set(expected) - set(received), Counter(received) - Counter(expected)
            yield f"{watcher} of {item_id} missed {sorted(lost)} and received in excess {sorted(map(str, extra))}"


def an_accepted_cancel_ends_in_cancelled(run: RunHistory) -> Iterator[str]:
    for item_id, item in run.items.items():
        if run.cancels[item_id] and item["status"] != Status.CANCELLED:
            yield f"{item_id} is {item['status']} although its cancel was accepted"


WORK_RULES: tuple[Callable[[RunHistory], Iterator[str]], ...] = (
    no_work_is_lost,
    a_key_makes_one_item,
    every_item_ends,
    every_unfinished_item_renews_its_lease,
    every_change_is_legal,
    the_events_tell_every_change,
    only_one_attempt_ends_an_item,
    no_stale_write_is_accepted,
    the_end_is_the_last_event,
    every_watcher_receives_every_event_once,
    an_accepted_cancel_ends_in_cancelled,
)
