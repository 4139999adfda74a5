"""Whatever happens between two commands of a backup, its records fit together after a restore."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from model.storage.opening import open_storage
from tests.worker.upkeep.backup.restored import check
from tests.worker.upkeep.backup.scene import (
    Scene,
    begin_to_delete_a_model,
    cancel_and_delete_the_running_job,
    commit_the_running_job,
    complete_the_import,
    delete_a_finished_job,
    finish_and_pack_the_running_job,
    finish_and_promote,
    finish_the_running_job,
    finish_without_promotion,
    lose_and_claim_the_running_job,
    move_the_alias_and_delete_its_model,
    train_another_job,
    train_on_a_new_dataset,
    wait_for_another_import,
)
from tests.worker.upkeep.backup.service import Service
from worker.registry.model_registry import ModelRegistry


class CountingConnection(redis.UnixDomainSocketConnection):
    """A connection that acts before its nth request: what another client may do at this moment."""

    requests = 0
    act_at: int | None = None
    act: Callable[[], None]

    def send_packed_command(self, command: Any, check_health: bool = True) -> Any:
        cls = type(self)
        cls.requests += 1
        if cls.requests == cls.act_at:
            cls.act()
        return super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]  # redis-py's own


@pytest.fixture
def counting(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """The service to back up, over connections that count."""

    class Connection(CountingConnection):
        pass

    path = redis_url.removeprefix("unix://").partition("?")[0]
    pool = redis.ConnectionPool(connection_class=Connection, path=path, decode_responses=True)
    with redis.Redis(connection_pool=pool) as client:
        yield Service(client, open_storage((tmp_path / "old").as_uri()))


def backs_up_consistently(
    old: Service,
    new: Service,
    counting: Service,
    act: Callable[[Scene], None],
    moment: int,
    *,
    has_models: bool,
) -> bool:
    """Back up a scene, act before the given request of the backup, and check; False if there was no such request."""
    old.client.flushall()
    new.client.flushall()
    scene = Scene(old)
    if has_models:
        scene.publish_before()
    has_acted = threading.Event()

    def act_once() -> None:
        has_acted.set()
        act(scene)

    connection: Any = counting.client.connection_pool.connection_class
    connection.requests, connection.act_at, connection.act = 0, moment, staticmethod(act_once)
    new.restore(counting.back_up())
    check(new, scene)
    return has_acted.is_set()


ACTS = (
    finish_the_running_job,
    finish_and_pack_the_running_job,
    finish_without_promotion,
    commit_the_running_job,
    cancel_and_delete_the_running_job,
    train_another_job,
    train_on_a_new_dataset,
    complete_the_import,
    wait_for_another_import,
    lose_and_claim_the_running_job,
)
ACTS_ON_MODELS = (
    finish_and_promote,
    delete_a_finished_job,
    move_the_alias_and_delete_its_model,
    begin_to_delete_a_model,
)
QUICK = (finish_the_running_job, cancel_and_delete_the_running_job, train_on_a_new_dataset)
"""The acts that are tried in every run on a service without models, too."""


@pytest.mark.parametrize(
    ("act", "has_models"),
    [
        *((act, True) for act in ACTS + ACTS_ON_MODELS),
        *(pytest.param(act, False, marks=() if act in QUICK else (pytest.mark.chaos,)) for act in ACTS),
    ],
)
def test_an_act_at_any_moment_of_a_backup_leaves_it_consistent(
    old: Service, new: Service, counting: Service, act: Callable[[Scene], None], has_models: bool
) -> None:
    moment = 1
    while backs_up_consistently(old, new, counting, act, moment, has_models=has_models):
        moment += 1
    assert moment > 15


def test_a_job_that_succeeds_during_the_backup_is_in_it_with_its_model(old: Service, new: Service) -> None:
    scene = Scene(old)
    finish_the_running_job(scene)
    new.restore(old.back_up())
    assert ModelRegistry(new.client).resolve("new-name").manifest.version == 1
    check(new, scene)
