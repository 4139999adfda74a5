"""A lease is a counter of renewals in the job's record."""

import pytest

from tests.conftest import running_valkey
from tests.worker.samples import claim, make_job, row
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.attempt_messages import Flags, Report, TrainingReport
from worker.queue.calls.reads import LaneLoad, Lease
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.records import Progress
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server.connection import connect


def test_each_renewal_increases_the_counter(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    assert store.watch().leases == [Lease(job_id, attempt_id, 0)]
    store.renew(job_id, attempt_id)
    store.renew(job_id, attempt_id)
    assert store.watch().leases == [Lease(job_id, attempt_id, 2)]


@pytest.mark.parametrize(
    "content",
    [
        Report(progress=Progress(epoch=1, epochs=3, fraction=0.1)),
        TrainingReport(rows=(row(1),)),
        Report(log_lines=("hello",)),
    ],
    ids=("progress", "rows", "log"),
)
def test_a_report_renews_the_lease_and_reads_the_requests_of_the_owner(
    store: JobStore, content: Report
) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    assert store.report(job_id, attempt_id, 1, content) == Flags()
    store.pause(job_id)
    # A worker that repeats a report counts its lease from the repetition.
    assert store.report(job_id, attempt_id, 1, content) == Flags(pause=True)
    assert store.watch().leases == [Lease(job_id, attempt_id, 2)]
    store.cancel(job_id)
    assert store.report(job_id, attempt_id, 2, content) == Flags(cancel=True)
    with pytest.raises(StaleAttemptError):
        store.reap(job_id, attempt_id, 2)
    store.reap(job_id, attempt_id, 3)
    with pytest.raises(StaleAttemptError):
        store.report(job_id, attempt_id, 3, content)


def test_a_job_that_is_being_cancelled_still_has_a_lease(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.cancel(job_id)
    assert store.watch().leases == [Lease(job_id, attempt_id, 0)]


def test_an_ended_attempt_has_no_lease(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    watch = store.watch()
    assert (watch.leases, watch.lanes[Lane.TRAINING]) == ([], LaneLoad(queued=1, wake_ups=0))


def test_a_job_is_reaped_only_when_no_renewal_has_followed(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.renew(job_id, attempt_id)
    with pytest.raises(StaleAttemptError):
        store.reap(job_id, attempt_id, 0)
    store.reap(job_id, attempt_id, 1)
    with pytest.raises(StaleAttemptError):
        store.renew(job_id, attempt_id)
    assert [attempt.outcome for attempt in store.get(job_id).attempts] == [Outcome.WORKER_LOST]


def test_renewing_an_unknown_job_is_refused(store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        store.renew("job_none", new_attempt_id())


def test_a_redis_without_memory_is_store_unavailable_and_gets_no_partial_write() -> None:
    with running_valkey("--maxmemory", "1") as url, connect(url) as client:
        store = JobStore(client)
        with pytest.raises(StoreUnavailableError):
            store.submit(make_job())
        assert client.dbsize() == 0
        assert store.list_jobs().jobs == []


def test_an_unreachable_redis_is_store_unavailable() -> None:
    with connect("redis://127.0.0.1:1/0") as client, pytest.raises(StoreUnavailableError):
        JobStore(client).renew("job_none", new_attempt_id())
