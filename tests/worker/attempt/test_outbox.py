"""What the outbox keeps while Redis is away: all rows, the latest progress, a limited number of log lines."""

from tests.worker.samples import row
from worker.attempt.outbox import MAX_LINES, MAX_LINES_PER_REPORT, Outbox
from worker.queue.records import Best, Checkpoint, Progress
from worker.queue.states import Phase


def _progress(fraction: float) -> Progress:
    return Progress(epoch=1, epochs=1, fraction=fraction)


def test_without_changes_there_is_nothing_to_send() -> None:
    outbox = Outbox()
    assert outbox.take() is None
    outbox.add_phase(Phase.TRAINING)
    assert outbox.take() is not None
    assert outbox.take() is None


def test_all_rows_and_bests_are_kept_and_otherwise_the_latest_value() -> None:
    outbox = Outbox()
    for epoch in range(1, 301):
        outbox.add_row(row(epoch), Best(epoch=epoch, val_accuracy=0.5) if epoch <= 200 else None)
        outbox.add_progress(_progress(epoch / 300))
        outbox.add_checkpoint(Checkpoint(key=str(epoch), epoch=epoch, step=0))
    changes = outbox.take()
    assert changes is not None
    assert [kept.epoch for kept in changes.rows] == list(range(1, 301))
    assert [best.epoch for best in changes.bests] == list(range(1, 201))
    assert changes.progress == _progress(1.0)
    assert changes.checkpoint is not None
    assert changes.checkpoint.key == "300"


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
