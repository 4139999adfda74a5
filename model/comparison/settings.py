"""The settings in which trainings differ. Imports no numpy."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from model.artifact.manifest import SETTINGS, Manifest
from model.recipes.resolved_recipe import ResolvedRecipe

_NO_SETTINGS = frozenset({"name", "tags", "promote", "promote_metric", "promote_margin"})


def different_settings(models: Sequence[Manifest]) -> dict[str, list[JsonValue]]:
    """Return the settings in which models differ, each with one value for each model; None where a model has none."""
    return _different([_of_model(manifest) for manifest in models])


def different_job_settings(
    jobs: Sequence[tuple[Mapping[str, JsonValue], ResolvedRecipe | None]],
) -> dict[str, list[JsonValue]]:
    """Return the settings in which jobs differ, as `different_settings` does: those of the specs, then of the recipes.

    Args:
        jobs: the spec of each job, and its recipe if it is known.
    """
    return _different([_of_job(spec, recipe) for spec, recipe in jobs])


def _different(all_settings: Sequence[Mapping[str, JsonValue]]) -> dict[str, list[JsonValue]]:
    names = dict.fromkeys(name for settings in all_settings for name in settings)
    values = {name: [settings.get(name) for settings in all_settings] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def _of_model(manifest: Manifest) -> dict[str, JsonValue]:
    later = manifest.lineage.get(SETTINGS)
    spec = manifest.spec.model_dump(mode="json") | (later if isinstance(later, dict) else {})
    return {
        **_kept(spec),
        "finish_reason": manifest.finish_reason,
        "epochs_trained": manifest.metrics.epochs,
    }


def _of_job(spec: Mapping[str, JsonValue], recipe: ResolvedRecipe | None) -> dict[str, JsonValue]:
    settings = recipe.settings if recipe else {}
    return {
        **_kept(spec),
        **{f"recipe.{name}": value for name, value in settings.items() if name not in spec},
    }


def _kept(spec: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in spec.items() if name not in _NO_SETTINGS}
