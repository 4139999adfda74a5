"""Alias changes that expect a version, their reasons, and rollbacks."""

import json

import pytest

from tests.worker.samples import publish
from worker.errors import AliasMovedError, IdempotencyMismatchError, ModelNotFoundError
from worker.queue.calls.requests import Idempotency
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.aliases import Expectation
from worker.registry.errors import AliasNotFoundError, NothingToRollBackToError
from worker.registry.model_registry import ModelRegistry

NAME, ALIAS = "digits", "production"


def publish_versions(store: JobStore, count: int) -> None:
    for _ in range(count):
        publish(store, promote="never")


def promote(registry: ModelRegistry, *versions: int) -> None:
    for version in versions:
        registry.set_alias(NAME, ALIAS, version, "alice")


def roll_back(registry: ModelRegistry) -> int:
    return registry.roll_back_alias(NAME, ALIAS, "bob").model.manifest.version


def test_rollbacks_go_back_version_by_version(store: JobStore, registry: ModelRegistry) -> None:
    publish_versions(store, 4)
    promote(registry, 1, 2, 3)
    assert registry.get_alias(NAME, ALIAS).previous_version == 2
    assert roll_back(registry) == 2
    assert registry.get_alias(NAME, ALIAS).previous_version == 1
    assert roll_back(registry) == 1
    with pytest.raises(NothingToRollBackToError):
        roll_back(registry)
    promote(registry, 4)
    assert roll_back(registry) == 1
    assert registry.production_names() == [NAME]
    changes = registry.alias_history(NAME, ALIAS).changes
    assert [(one.from_version, one.to_version, one.returns_to) for one in changes] == [
        (4, 1, 1),
        (1, 4, None),
        (2, 1, 1),
        (3, 2, 2),
        (2, 3, None),
        (1, 2, None),
        (None, 1, None),
    ]
    assert [one.number for one in changes] == [7, 6, 5, 4, 3, 2, 1]


def test_a_rollback_skips_deleted_versions_and_says_so(store: JobStore, registry: ModelRegistry) -> None:
    publish_versions(store, 4)
    promote(registry, 1, 2, 3, 4)
    registry.set_alias(NAME, "other", 3, "alice")  # another alias has its own history
    registry.delete_alias(NAME, "other", "alice")
    for version in (2, 3):
        registry.begin_deletion(registry.resolve(f"{NAME}:{version}").manifest.id)
    state = registry.roll_back_alias(NAME, ALIAS, "bob", reason="too many errors")
    assert state.model.manifest.version == 1
    assert state.change
    assert (state.change.skipped, state.change.reason) == ([3, 2], "too many errors")
    with pytest.raises(NothingToRollBackToError):
        roll_back(registry)


def test_without_an_earlier_version_the_refusal_names_the_deleted_ones(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish_versions(store, 2)
    promote(registry, 1, 2)
    registry.begin_deletion(registry.resolve(f"{NAME}:1").manifest.id)
    with pytest.raises(NothingToRollBackToError, match=r"\(1\) are deleted"):
        roll_back(registry)


def test_a_deleted_alias_is_brought_back_by_a_rollback(store: JobStore, registry: ModelRegistry) -> None:
    publish_versions(store, 2)
    promote(registry, 1, 2)
    registry.delete_alias(NAME, ALIAS, "alice", reason="a mistake")
    assert registry.alias_history(NAME, ALIAS).changes[0].reason == "a mistake"
    assert roll_back(registry) == 2
    assert registry.production_names() == [NAME]
    assert roll_back(registry) == 1


def test_a_change_that_expects_another_version_is_refused(store: JobStore, registry: ModelRegistry) -> None:
    publish_versions(store, 3)
    registry.set_alias(NAME, ALIAS, 1, "alice", expected=Expectation(None))
    for expected in (None, 3):
        with pytest.raises(AliasMovedError, match="points at version 1"):
            registry.set_alias(NAME, ALIAS, 2, "alice", expected=Expectation(expected))
        with pytest.raises(AliasMovedError, match="points at version 1"):
            registry.roll_back_alias(NAME, ALIAS, "alice", expected=Expectation(expected))
    with pytest.raises(AliasMovedError, match="does not exist"):
        registry.set_alias(NAME, "canary", 2, "alice", expected=Expectation(1))
    assert registry.get_alias(NAME, ALIAS).model.manifest.version == 1


def test_a_repeated_change_answers_like_the_first_and_leaves_one_entry(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish_versions(store, 3)
    promote(registry, 1, 2)

    def move(by: str = "bob") -> object:
        return registry.set_alias(NAME, ALIAS, 3, by, expected=Expectation(2), reason="better")

    assert move() == move()
    with pytest.raises(AliasMovedError):
        move("carol")  # who did not make the change

    def back() -> object:
        return registry.roll_back_alias(NAME, ALIAS, "bob", expected=Expectation(3))

    assert back() == back()
    assert [one.to_version for one in registry.alias_history(NAME, ALIAS).changes] == [2, 3, 2, 1]


def test_a_rollback_with_a_key_happens_once(store: JobStore, registry: ModelRegistry) -> None:
    publish_versions(store, 3)
    promote(registry, 1, 2, 3)
    key = Idempotency("once", "hash")
    first = registry.roll_back_alias(NAME, ALIAS, "bob", idempotency=key)
    assert registry.roll_back_alias(NAME, ALIAS, "bob", idempotency=key) == first
    assert registry.get_alias(NAME, ALIAS).model.manifest.version == 2
    with pytest.raises(IdempotencyMismatchError):
        registry.roll_back_alias(NAME, ALIAS, "bob", idempotency=Idempotency("once", "other"))


def test_a_history_is_read_in_pages_also_when_all_its_models_are_deleted(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish_versions(store, 2)
    for number in range(130):
        promote(registry, 1 + number % 2)
        registry.set_alias(NAME, "canary", 1 + number % 2, "alice")
    registry.delete_alias(NAME, ALIAS, "alice")
    registry.delete_alias(NAME, "canary", "alice")
    for version in (1, 2):
        registry.begin_deletion(registry.resolve(f"{NAME}:{version}").manifest.id)
    first = registry.alias_history(NAME, ALIAS, limit=100)
    rest = registry.alias_history(NAME, ALIAS, limit=100, after=first.changes[-1].number)
    assert (len(first.changes), first.has_more, len(rest.changes), rest.has_more) == (100, True, 31, False)
    numbers = [change.number for change in (*first.changes, *rest.changes)]
    assert numbers == sorted(numbers, reverse=True)
    assert {change.alias for change in (*first.changes, *rest.changes)} == {ALIAS}
    assert registry.alias_history(NAME, ALIAS, after=1).changes == []


def test_unknown_names_and_aliases_are_refused(store: JobStore, registry: ModelRegistry) -> None:
    publish_versions(store, 1)
    for call in (registry.get_alias, registry.alias_history):
        with pytest.raises(AliasNotFoundError):
            call(NAME, "canary")
    with pytest.raises(AliasNotFoundError):
        registry.roll_back_alias(NAME, "canary", "bob")
    for refused in (registry.get_alias, lambda name, alias: registry.roll_back_alias(name, alias, "bob")):
        with pytest.raises(ModelNotFoundError):
            refused("cats", ALIAS)


def test_entries_of_the_first_release_are_read_and_rolled_back_to(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish_versions(store, 2)
    promote(registry, 1, 2)
    for line in registry.redis.lrange(redis_keys.ALIAS_HISTORY + NAME, 0, -1):
        assert set(json.loads(line)) == {"alias", "at", "by", "from_version", "to_version"}
    assert roll_back(registry) == 1
