"""Renewals and reports keep the lease of an attempt, whichever of them comes first."""

import threading

from model.host import lease_clock
from tests.worker.samples import claim, make_job
from worker.attempt.lease import AFTER_REPORT, LeaseRenewer
from worker.attempt.outbox import Outbox
from worker.attempt.report_sender import ReportSender
from worker.queue.attempt_messages import Flags
from worker.queue.calls.reads import Lease
from worker.queue.records import Progress
from worker.queue.store import JobStore

LEASE_S = 600.0
NEVER_S = 3600.0
PROGRESS = Progress(epoch=1, epochs=3, fraction=0.1)


class Renewed:
    """The last deadline and flags that a renewer passed on, and when."""

    def __init__(self) -> None:
        self._has_come = threading.Event()
        self.deadline = self.at = 0.0
        self.flags = Flags()

    def note(self, deadline: float, flags: Flags) -> None:
        self.deadline, self.flags, self.at = deadline, flags, lease_clock.now()
        self._has_come.set()

    def wait(self) -> None:
        assert self._has_come.wait(20)
        self._has_come.clear()


def make_renewer(
    store: JobStore, job_id: str, attempt_id: str, renewed: Renewed, renew_every_s: float
) -> LeaseRenewer:
    return LeaseRenewer(
        store,
        job_id,
        attempt_id,
        claim_sent_at=lease_clock.now(),
        lease_s=LEASE_S,
        renew_every_s=renew_every_s,
        on_renewed=renewed.note,
        on_lost=lambda: None,
    )


def test_a_report_extends_the_lease_and_delivers_the_flags(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    renewed, outbox = Renewed(), Outbox()
    lease = make_renewer(store, job_id, attempt_id, renewed, NEVER_S)
    lease.start()
    sender = ReportSender(
        store,
        job_id,
        attempt_id,
        outbox,
        on_renewed=lease.note_report,
        on_sent=lambda _: None,
        on_lost=lambda: None,
    )
    sender.start()
    store.cancel(job_id)
    reported_at = lease_clock.now()
    outbox.add_progress(PROGRESS)
    renewed.wait()
    lease.stop()
    sender.finish(lambda: True)
    assert renewed.flags == Flags(cancel=True)
    assert reported_at + LEASE_S <= renewed.deadline == lease.deadline <= renewed.at + LEASE_S
    assert store.watch().leases == [Lease(job_id, attempt_id, 1)]


def test_a_renewal_of_its_own_waits_for_the_next_report_and_comes_when_none_does(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    renewed = Renewed()
    lease = make_renewer(store, job_id, attempt_id, renewed, renew_every_s=0.2)
    reported_at = lease_clock.now()
    lease.note_report(reported_at, Flags())
    renewed.wait()
    lease.start()
    renewed.wait()
    assert renewed.at >= reported_at + AFTER_REPORT * 0.2
    lease.stop()
    assert store.watch().leases[0].renewals >= 1


def test_a_report_that_is_answered_late_does_not_shorten_the_lease(store: JobStore) -> None:
    renewed = Renewed()
    lease = make_renewer(store, "job_any", "att_any", renewed, NEVER_S)
    deadline = lease.deadline
    lease.note_report(lease_clock.now() - 1, Flags(stop=True))
    assert (renewed.deadline, renewed.flags) == (deadline, Flags(stop=True))
