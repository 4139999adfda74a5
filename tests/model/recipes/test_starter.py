"""Which sets start from a starter, and which specs leave it open."""

from model.recipes.starter import MOST_IMAGES, is_start_open, starter_helps
from model.spec import JobSpec
from tests.model.dataset_facts import facts


def test_small_sets_of_images_that_are_not_tiny_start_from_it() -> None:
    assert starter_helps(facts([10, 10]))
    assert starter_helps(facts([2 * MOST_IMAGES - 1, 1]))
    assert not starter_helps(facts([2 * MOST_IMAGES, 1]))
    assert not starter_helps(facts([10, 10], side=8))


def test_null_is_an_answer() -> None:
    assert is_start_open(JobSpec(dataset="pets"))
    assert is_start_open(JobSpec(dataset="pets").model_copy(update={"name": "pets"}))
    assert not is_start_open(JobSpec(dataset="pets", init_from=None))
