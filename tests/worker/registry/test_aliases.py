"""Aliases: which version they point at, production, and their history."""

import pytest

from tests.worker.samples import publish
from worker.errors import ModelNotFoundError
from worker.queue.store import JobStore
from worker.registry.errors import AliasNotFoundError, ModelRequiredError, NoModelError, NoProductionError
from worker.registry.model_registry import ModelRegistry


def test_a_bare_name_needs_a_production_model(store: JobStore, registry: ModelRegistry) -> None:
    publish(store, promote="never")
    with pytest.raises(NoProductionError):
        registry.resolve("digits")
    assert registry.production_names() == []
    registry.set_alias("digits", "production", 1, "alice")
    assert registry.resolve("digits").manifest.version == 1
    assert registry.production_names() == ["digits"]


def test_only_the_first_model_of_a_name_becomes_production(store: JobStore, registry: ModelRegistry) -> None:
    publish(store)
    publish(store)
    publish(store, name="cats")
    assert registry.list_aliases("digits") == {"production": 1}
    assert registry.production_names() == ["cats", "digits"]


def test_the_history_of_an_alias_names_the_callers_and_the_versions(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish(store)
    publish(store)
    registry.set_alias("digits", "production", 2, "bob")
    registry.set_alias("digits", "production", 2, "bob")
    registry.set_alias("digits", "canary", 2, "bob")
    registry.delete_alias("digits", "production", None)
    history = registry.alias_history("digits", "production").changes
    assert [(change.by, change.from_version, change.to_version) for change in history] == [
        (None, 2, None),
        ("bob", 1, 2),
        ("alice", None, 1),
    ]
    assert registry.production_names() == []


def test_aliases_of_unknown_names_and_versions_are_refused(store: JobStore, registry: ModelRegistry) -> None:
    publish(store)
    with pytest.raises(ModelNotFoundError, match="digits:9"):
        registry.set_alias("digits", "production", 9, "bob")
    with pytest.raises(AliasNotFoundError):
        registry.delete_alias("digits", "canary", "bob")
    with pytest.raises(AliasNotFoundError):
        registry.alias_history("digits", "canary")
    with pytest.raises(ModelNotFoundError):
        registry.list_aliases("cats")


def test_a_model_lists_its_aliases_and_the_alias_that_found_it(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish(store)
    registry.set_alias("digits", "canary", 1, None)
    found = registry.resolve("digits")
    assert (found.aliases, found.alias) == (["canary", "production"], "production")
    assert registry.resolve("digits:1").alias is None
    assert found.manifest.preprocessing.std == (0.1 + 0.2,) * 3


def test_without_a_reference_there_must_be_one_name_in_production(
    store: JobStore, registry: ModelRegistry
) -> None:
    with pytest.raises(NoModelError):
        registry.resolve(None)
    publish(store)
    only = registry.resolve(None)
    assert (only.manifest.name, only.alias) == ("digits", "production")
    publish(store, name="cats")
    with pytest.raises(ModelRequiredError, match="cats, digits"):
        registry.resolve(None)
