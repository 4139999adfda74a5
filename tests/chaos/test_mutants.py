"""The judge must find each promise broken where it is taken out, or the other tests show nothing."""

from collections.abc import Callable, Iterator

import pytest

from model.host.failpoints import Failpoint
from tests.chaos import mutants
from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.cluster_client import Customer
from tests.chaos.fault_plans import Act
from tests.chaos.test_takeover import freeze_past_the_lease
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.scripts import load_script

PATIENCE_S = 12.0


def kill_a_worker(cluster: Cluster, customer: Customer) -> None:
    job_id = customer.submit(epochs=10, watchers=0)
    customer.wait_for_epoch(job_id)
    cluster.holder_of(job_id).kill()


def lose_an_answer(cluster: Cluster, customer: Customer) -> None:
    cluster.plan("api", Failpoint.SUBMIT_RECORDED, Act.KILL)
    customer.submit(epochs=1, watchers=0)
    cluster.await_fall(Failpoint.SUBMIT_RECORDED)


def kill_valkey(cluster: Cluster, customer: Customer) -> None:
    customer.submit(epochs=3, watchers=0)
    cluster.valkey.kill()
    cluster.valkey.start()


def freeze(cluster: Cluster, customer: Customer) -> None:
    freeze_past_the_lease(cluster, customer)


SCENARIOS: dict[str, tuple[Callable[[Cluster, Customer], None], str]] = {
    "fencing": (freeze, "no_stale_write_is_accepted"),
    mutants.REAPER: (kill_a_worker, "nothing_runs_without_a_lease"),
    "idempotency": (lose_an_answer, "a_key_makes_one_job"),
}


@pytest.fixture
def spoilt_cluster(cluster: Cluster) -> Iterator[Cluster]:
    """What a mutant did to the records ends with its test."""
    yield cluster
    cluster.start_over()


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(name, marks=[pytest.mark.chaos] if name == mutants.REAPER else []) for name in SCENARIOS],
)
def test_the_judge_finds_what_a_mutant_breaks(
    spoilt_cluster: Cluster, customer: Customer, mutant: str
) -> None:
    scenario, rule = SCENARIOS[mutant]
    spoilt_cluster.turn_off(mutant)
    scenario(spoilt_cluster, customer)
    with pytest.raises(AssertionError, match=rule):
        customer.assert_kept(PATIENCE_S)


def test_the_judge_finds_what_a_forgetful_valkey_loses() -> None:
    with running_cluster(apis=1, workers=1, appendonly=False) as cluster:
        customer = Customer(cluster)
        kill_valkey(cluster, customer)
        with pytest.raises(AssertionError, match="no_job_is_lost"):
            customer.assert_kept(within_s=3)
        customer.close()


@pytest.mark.parametrize("scenario", [kill_a_worker, lose_an_answer, kill_valkey])
def test_the_judge_finds_nothing_where_nothing_is_broken(
    cluster: Cluster, customer: Customer, scenario: Callable[[Cluster, Customer], None]
) -> None:
    """Nor where only the fence is at work: tests/chaos/test_takeover.py."""
    scenario(cluster, customer)
    customer.assert_kept()


@pytest.mark.parametrize(
    ("mutant", "script"),
    [
        ("fencing", "attempts/report"),
        ("fencing", "attempts/renew"),
        ("idempotency", "requests/submit"),
        ("idempotency", "requests/replay"),
    ],
)
def test_a_mutant_is_one(mutant: str, script: str) -> None:
    text = load_script(QUEUE_SCRIPTS, script).text
    assert mutants.mutate(text, mutant) != text
