"""What the outbox of a job keeps beside the common parts: all rows and bests, and the last checkpoint."""

from tests.worker.samples import row
from worker.kinds.training.outbox import TrainingOutbox
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import Best, Checkpoint


def test_all_rows_and_bests_and_the_last_checkpoint_are_kept() -> None:
    outbox = TrainingOutbox()
    outbox.add_rewind(0)
    for epoch in range(1, 301):
        outbox.add_row(row(epoch), Best(epoch=epoch, val_accuracy=0.5) if epoch <= 200 else None)
        outbox.add_checkpoint(Checkpoint(key=str(epoch), epoch=epoch, step=0))
    changes = outbox.take()
    assert isinstance(changes, TrainingReport)
    assert changes.rewind_to_epoch == 0
    assert [kept.epoch for kept in changes.rows] == list(range(1, 301))
    assert [best.epoch for best in changes.bests] == list(range(1, 201))
    assert changes.checkpoint is not None
    assert changes.checkpoint.key == "300"
    assert outbox.take() is None
