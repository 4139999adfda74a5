"""Models: references, versions and pages."""

import pytest

from tests.worker.samples import claim, draft, make_job, publish
from worker.errors import (
    ModelNotFoundError,
    PublishCommittedError,
)
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry


def test_every_form_of_reference_finds_its_model(store: JobStore, registry: ModelRegistry) -> None:
    first, second = publish(store), publish(store)
    registry.set_alias("digits", "canary", 2, "alice")
    expected = {
        first: first,
        "digits": first,
        "digits:1": first,
        "digits:2": second,
        "digits:latest": second,
        "digits@production": first,
        "digits@canary": second,
    }
    assert {ref: registry.resolve(ref).manifest.id for ref in expected} == expected


@pytest.mark.parametrize(
    "ref",
    [
        "mdl_none",
        "cats",
        "cats:1",
        "cats:latest",
        "cats@production",
        "digits:9",
        "digits@blue",
        "",
        "a b",
        "digits:0",
    ],
)
def test_a_reference_without_a_model_is_refused(store: JobStore, registry: ModelRegistry, ref: str) -> None:
    publish(store)
    with pytest.raises(ModelNotFoundError):
        registry.resolve(ref)


def test_versions_count_per_name_and_are_never_reused(store: JobStore, registry: ModelRegistry) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.commit_publish(job_id, attempt_id, draft())
    with pytest.raises(PublishCommittedError):
        store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="storage_error", message="full"))
    with pytest.raises(ModelNotFoundError):
        registry.resolve("digits:1")
    assert registry.resolve(publish(store)).manifest.version == 2
    assert registry.resolve(publish(store, name="cats")).manifest.version == 1


def test_models_are_listed_newest_first_in_pages(store: JobStore, registry: ModelRegistry) -> None:
    digits = [publish(store) for _ in range(3)]
    cats = publish(store, name="cats")
    page = registry.list_models(limit=2)
    assert ([model.manifest.id for model in page.models], page.has_more) == ([cats, digits[2]], True)
    page = registry.list_models("digits", after=digits[2])
    assert ([model.manifest.id for model in page.models], page.has_more) == ([digits[1], digits[0]], False)


def test_the_models_of_a_dataset_are_listed_until_they_are_deleted(
    store: JobStore, registry: ModelRegistry
) -> None:
    first, second = publish(store, promote="never"), publish(store, name="cats", promote="never")
    dataset_id = registry.resolve(first).manifest.dataset.id
    page = registry.list_models_of_dataset(dataset_id)
    assert [model.manifest.id for model in page.models] == [second, first]
    registry.begin_deletion(second)
    page = registry.list_models_of_dataset(dataset_id)
    assert [model.manifest.id for model in page.models] == [first]
    assert registry.list_models_of_dataset("ds_other").models == []
