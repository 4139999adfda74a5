"""What an attempt reports: applied once, kept with its checkpoint, and taken back after a rewind."""

import json

from tests.worker.samples import checkpoint, claim, make_job, row
from worker.kinds.training.outbox import TrainingOutbox
from worker.queue.attempt_messages import TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.records import Best, Progress
from worker.queue.states import Outcome
from worker.queue.store import JobStore


def test_an_attempt_may_continue_from_an_earlier_checkpoint(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    first = new_attempt_id()
    store.claim("host:1", first)
    store.report(job_id, first, 1, TrainingReport(rows=(row(1), row(2)), checkpoint=checkpoint(2)))
    store.requeue(job_id, first, Outcome.CRASHED)
    second = new_attempt_id()
    store.claim("host:1", second)
    assert store.get(job_id).attempts[-1].from_epoch == 2
    store.report(job_id, second, 1, TrainingReport(rewind_to_epoch=1))
    assert store.get(job_id).attempts[-1].from_epoch == 1
    assert [known.epoch for known in store.rows(job_id)] == [1]


def test_a_report_is_applied_once(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    first = TrainingReport(progress=Progress(epoch=1, epochs=3, fraction=0.1), log_lines=("hello",))
    store.report(job_id, attempt_id, 1, first)
    store.report(job_id, attempt_id, 2, TrainingReport(progress=Progress(epoch=1, epochs=3, fraction=0.2)))
    store.report(job_id, attempt_id, 1, first)
    progress = store.get(job_id).progress
    assert progress is not None
    assert progress.fraction == 0.2
    assert store.logs(job_id) == ["hello"]


def test_a_new_attempt_counts_its_reports_from_the_start(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 7, TrainingReport(rows=(row(1),), checkpoint=checkpoint(1)))
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    _, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(2),)))
    assert store.rows(job_id) == [row(1), row(2)]


def test_a_claim_deletes_the_metrics_after_the_checkpoint(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    first = Best(epoch=1, val_accuracy=0.1)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1),), bests=(first,)))
    store.report(job_id, attempt_id, 2, TrainingReport(rows=(row(2),), checkpoint=checkpoint(2)))
    late = TrainingReport(rows=(row(3),), bests=(Best(epoch=3, val_accuracy=0.3),))
    store.report(job_id, attempt_id, 3, late)
    store.requeue(job_id, attempt_id, Outcome.CRASHED)

    claim(store)
    job = store.get(job_id)
    assert store.rows(job_id) == [row(1), row(2)]
    assert (job.metrics, job.best, job.progress) == (row(2), first, None)
    assert job.attempts[-1].from_epoch == 2
    rewinds = [event.data for event in store.events(job_id).events if event.event == "rewind"]
    assert len(rewinds) == 1
    assert '"epoch":2' in rewinds[0]


def test_an_earlier_best_of_the_same_report_is_known_after_a_rewind(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    outbox = TrainingOutbox()
    first, second = (Best(epoch=epoch, val_accuracy=epoch / 10) for epoch in (1, 2))
    outbox.add_row(row(1), first)
    outbox.add_checkpoint(checkpoint(1))
    outbox.add_row(row(2), second)
    report = outbox.take()
    assert report is not None
    store.report(job_id, attempt_id, 1, report)
    assert store.get(job_id).best == second
    epochs = [json.loads(event.data) for event in store.events(job_id).events if event.event == "epoch"]
    assert [epoch["is_best"] for epoch in epochs] == [True, True]

    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    claim(store)
    assert store.get(job_id).best == first


def test_an_attempt_may_rewind_further(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(
        job_id, attempt_id, 1, TrainingReport(rows=(row(1), row(2)), bests=(Best(epoch=2, val_accuracy=0.2),))
    )
    store.report(job_id, attempt_id, 2, TrainingReport(rewind_to_epoch=0))
    job = store.get(job_id)
    assert (store.rows(job_id), job.metrics, job.best) == ([], None, None)
