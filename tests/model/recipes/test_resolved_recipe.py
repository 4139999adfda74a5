import dataclasses
import json

import pytest

from model.errors import UnknownRecipeError
from model.host.installation import installed_version
from model.recipes.recipe import RECIPES, recipe_of
from model.recipes.resolved_recipe import ResolvedRecipe, describe_recipe, resolve_recipe
from model.spec import RecipeName
from tests.model.dataset_facts import facts, resolved


@pytest.mark.parametrize(
    ("name", "digest"),
    [("fast", "6a344d849bb6"), ("thorough", "33fd41cce772"), ("classic", "5251860636ba")],
)
def test_a_change_of_a_shipped_recipe_is_noticed(name: RecipeName, digest: str) -> None:
    """Whoever changes a recipe writes it into CHANGELOG.md and changes the digest here."""
    assert describe_recipe(name, RECIPES[name]).digest == digest


@pytest.mark.parametrize("name", list(RecipeName))
def test_a_stored_recipe_trains_as_the_recipe_that_was_stored(name: RecipeName) -> None:
    spec = resolved(facts([500, 700]), recipe=name, batch_size=100, learning_rate=0.3, epochs=7)
    stored = resolve_recipe(spec).model_dump_json()
    again = ResolvedRecipe.model_validate_json(stored)
    assert again.to_recipe() == recipe_of(spec)
    assert again.digest == json.loads(stored)["digest"] == resolve_recipe(spec).digest
    assert (again.name, again.ninefold_version) == (name, installed_version())
    assert set(json.loads(stored)["settings"]) == {
        field.name for field in dataclasses.fields(recipe_of(spec))
    }


def stored(**changes: object) -> ResolvedRecipe:
    """Return `fast` as another version of Ninefold stored it; a setting that is None is missing."""
    recipe = describe_recipe("fast", RECIPES[RecipeName.FAST])
    settings = {name: value for name, value in {**recipe.settings, **changes}.items() if value is not None}
    record = {**recipe.model_dump(), "settings": settings, "ninefold_version": "7.5.0", "added_later": 1}
    return ResolvedRecipe.model_validate(record)


@pytest.mark.parametrize(
    "changes", [{"sharpness": 0.1}, {"cutout": None}, {"optimizer": "adam"}, {"resize_schedule": [1.0]}]
)
def test_a_recipe_that_this_version_does_not_know_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UnknownRecipeError) as refusal:
        stored(**changes).to_recipe()
    assert refusal.value.code == "unknown_recipe"
    assert refusal.value.settings == tuple(changes)
    assert "run workers of Ninefold 7.5.0" in str(refusal.value)
    assert next(iter(changes)) in str(refusal.value)


def test_a_setting_that_is_newer_than_the_recipe_has_the_effect_of_the_earlier_version() -> None:
    earlier = stored(muon_momentum=None)
    assert earlier.to_recipe() == RECIPES[RecipeName.FAST]
    assert earlier.changes_from(stored()) == []


def test_changes_name_the_old_and_the_new_value() -> None:
    changes = stored(cutout=0.25, optimizer="sgd").changes_from(stored(sharpness=1))
    assert changes == ["cutout 0.0 → 0.25", "optimizer muon → sgd", "sharpness 1 → None"]
