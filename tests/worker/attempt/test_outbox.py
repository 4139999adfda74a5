"""What the outbox keeps while Redis is away: the latest progress, a limited number of log lines."""

from worker.attempt.outbox import MAX_LINES, MAX_LINES_PER_REPORT, Outbox
from worker.queue.attempt_messages import Report
from worker.queue.records import Progress
from worker.queue.states import Phase


def _progress(fraction: float) -> Progress:
    return Progress(epoch=1, epochs=1, fraction=fraction)


def test_without_changes_there_is_nothing_to_send() -> None:
    outbox = Outbox()
    assert outbox.take() is None
    outbox.add_phase(Phase.TRAINING)
    assert outbox.take() is not None
    assert outbox.take() is None


def test_of_phase_and_progress_only_the_latest_value_is_kept() -> None:
    outbox = Outbox()
    for number in range(1, 301):
        outbox.add_phase(Phase.PREPARING_DATA if number < 300 else Phase.TRAINING)
        outbox.add_progress(_progress(number / 300))
    assert outbox.take() == Report(phase=Phase.TRAINING, progress=_progress(1.0))


def test_log_lines_beyond_the_limit_are_counted_and_dropped() -> None:
    outbox = Outbox()
    for number in range(10 * MAX_LINES):
        outbox.add_line(str(number))
    sent = 0
    while changes := outbox.take():
        assert len(changes.log_lines) <= MAX_LINES_PER_REPORT
        sent += len(changes.log_lines)
    assert sent <= MAX_LINES
    assert outbox.last_lines[-1] == str(10 * MAX_LINES - 1)  # quoted when the trainer dies
