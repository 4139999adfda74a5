"""The recipe of one training with all its settings, as job, checkpoints and model store it. Imports no torch.

A job keeps the recipe that it was submitted with: a later version of Ninefold with other recipes trains it unchanged.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError, computed_field

from model.errors import UnknownRecipeError
from model.host.installation import installed_version
from model.recipes.recipe import Recipe, recipe_of
from model.spec import ResolvedSpec

_RECIPE = TypeAdapter(Recipe)
_DEFAULTS: dict[str, JsonValue] = json.loads(
    json.dumps({field.name: field.default for field in fields(Recipe) if field.default is not MISSING})
)
"""The values of the settings that recipes of earlier versions do not have: the default is what those versions did."""
_DIGEST_CHARACTERS = 12


class ResolvedRecipe(BaseModel):
    """The complete recipe of a training."""

    model_config = ConfigDict(frozen=True)

    name: str
    ninefold_version: str
    """The version of Ninefold that resolved the recipe."""
    settings: dict[str, JsonValue]
    """The value of every field of `Recipe`."""

    @computed_field  # type: ignore[prop-decorator]  # python/mypy#1362
    @property
    def digest(self) -> str:
        """The start of the SHA-256 of the settings: equal for equal recipes, whatever their names."""
        text = json.dumps(self.settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]

    def to_recipe(self) -> Recipe:
        """Return the recipe to train with.

        Raises:
            UnknownRecipeError: this version of Ninefold does not know a setting, or misses one.
        """
        known = {field.name for field in fields(Recipe)}
        if unknown := sorted(self.settings.keys() - known):
            raise UnknownRecipeError(self.name, self.ninefold_version, installed_version(), unknown)
        try:
            return _RECIPE.validate_python(self.settings)
        except ValidationError as error:
            invalid = sorted({str(one["loc"][0]) for one in error.errors()})
            raise UnknownRecipeError(
                self.name, self.ninefold_version, installed_version(), invalid
            ) from error

    def with_settings(self, settings: Mapping[str, JsonValue]) -> "ResolvedRecipe":
        """Return the recipe with other values of some settings."""
        return self.model_copy(update={"settings": {**self.settings, **settings}})

    def changes_from(self, other: "ResolvedRecipe") -> list[str]:
        """Return the settings that differ, each as `name old → new`; none for recipes that train the same."""
        old, new = other._complete_settings(), self._complete_settings()
        names = sorted(old.keys() | new.keys())
        return [
            f"{name} {old.get(name)} → {new.get(name)}" for name in names if old.get(name) != new.get(name)
        ]

    def _complete_settings(self) -> dict[str, JsonValue]:
        return _DEFAULTS | self.settings


def resolve_recipe(spec: ResolvedSpec) -> ResolvedRecipe:
    """Return the complete recipe of a spec, from this version's table of recipes."""
    return describe_recipe(spec.recipe, recipe_of(spec))


def describe_recipe(name: str, recipe: Recipe) -> ResolvedRecipe:
    """Return a recipe in the form that is stored."""
    settings = _RECIPE.dump_python(recipe, mode="json")
    return ResolvedRecipe(name=name, ninefold_version=installed_version(), settings=settings)
