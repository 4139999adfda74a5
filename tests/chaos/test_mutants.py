"""The history checker must notice each guarantee that a mutant lacks; otherwise the other tests prove nothing."""

from collections.abc import Callable, Iterator

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster, running_cluster
from tests.chaos.instrumented import mutants
from tests.chaos.instrumented.fault_plans import Fault
from tests.chaos.test_takeover import freeze_past_the_lease
from worker.queue.kinds import Kind
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.scripts import load_script

CHECK_WITHIN_S = 12.0


def kill_a_worker(cluster: Cluster, client: ClusterClient) -> None:
    job_id = client.submit(epochs=10, watchers=0)
    client.wait_for_epoch(job_id)
    cluster.holder_of(job_id).kill()


def lose_an_answer(cluster: Cluster, client: ClusterClient) -> None:
    cluster.plan("api", Failpoint.SUBMIT_RECORDED, Fault.KILL)
    client.submit(epochs=1, watchers=0)
    cluster.await_fault(Failpoint.SUBMIT_RECORDED)


def kill_valkey(cluster: Cluster, client: ClusterClient) -> None:
    client.submit(epochs=3, watchers=0)
    cluster.valkey.kill()
    cluster.valkey.start()


def freeze(cluster: Cluster, client: ClusterClient) -> None:
    freeze_past_the_lease(cluster, client, Kind.TRAINING)


def freeze_an_import(cluster: Cluster, client: ClusterClient) -> None:
    freeze_past_the_lease(cluster, client, Kind.DATASET_IMPORT)


SCENARIOS: list[tuple[str, Callable[[Cluster, ClusterClient], None], str]] = [
    ("fencing", freeze, "no_stale_write_is_accepted"),
    ("fencing", freeze_an_import, "no_stale_write_is_accepted"),
    (mutants.REAPER, kill_a_worker, "every_unfinished_item_renews_its_lease"),
    ("idempotency", lose_an_answer, "a_key_makes_one_item"),
]


QUICK = {freeze, lose_an_answer}


@pytest.fixture
def mutable_cluster(cluster: Cluster) -> Iterator[Cluster]:
    """Yield the cluster, and delete its records after the test."""
    yield cluster
    cluster.reset_records()


@pytest.mark.parametrize(
    ("mutant", "scenario", "rule"),
    [pytest.param(*case, marks=() if case[1] in QUICK else (pytest.mark.chaos,)) for case in SCENARIOS],
)
def test_the_checker_finds_what_a_mutant_breaks(
    mutable_cluster: Cluster,
    client: ClusterClient,
    mutant: str,
    scenario: Callable[[Cluster, ClusterClient], None],
    rule: str,
) -> None:
    mutable_cluster.turn_on(mutant)
    scenario(mutable_cluster, client)
    with pytest.raises(AssertionError, match=rule):
        client.check(CHECK_WITHIN_S)


@pytest.mark.chaos
def test_the_checker_finds_what_a_valkey_without_persistence_loses() -> None:
    with running_cluster(apis=1, lanes=["light,training"], appendonly=False) as cluster:
        client = ClusterClient(cluster)
        kill_valkey(cluster, client)
        with pytest.raises(AssertionError, match="no_work_is_lost"):
            client.check(within_s=3)
        client.close()


@pytest.mark.chaos
@pytest.mark.parametrize("scenario", [kill_a_worker, lose_an_answer, kill_valkey])
def test_the_checker_finds_nothing_without_a_mutant(
    cluster: Cluster, client: ClusterClient, scenario: Callable[[Cluster, ClusterClient], None]
) -> None:
    """Other tests show the same in every run: of a dead worker, a lost answer, a dead Valkey, and a frozen worker."""
    scenario(cluster, client)
    client.check()


@pytest.mark.parametrize(
    ("mutant", "script"),
    [
        ("fencing", "attempts/report"),
        ("fencing", "training/report"),
        ("fencing", "imports/succeed"),
        ("fencing", "attempts/renew"),
        ("fencing", "attempts/progress"),
        ("idempotency", "training/submit"),
        ("idempotency", "imports/submit"),
        ("idempotency", "requests/replay"),
    ],
)
def test_a_mutant_changes_its_scripts(mutant: str, script: str) -> None:
    text = load_script(QUEUE_SCRIPTS, script).text
    assert mutants.mutate(text, mutant) != text
