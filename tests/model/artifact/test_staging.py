import hashlib
from dataclasses import replace

from model.artifact.manifest import WEIGHTS_FILE, model_key
from model.artifact.staging import stage_model
from model.recipes.recipe import recipe_of
from model.recipes.resolved_recipe import ResolvedRecipe, resolve_recipe
from tests.model.tiny_training import TinyTraining


def test_staging_writes_weights_and_describes_them(tiny_training: TinyTraining) -> None:
    trained = tiny_training.train(epochs=1)
    draft = stage_model(trained, tiny_training.storage, "mdl_staged")
    weights = tiny_training.storage.read_bytes(model_key("mdl_staged", WEIGHTS_FILE))
    assert draft.files[WEIGHTS_FILE].sha256 == hashlib.sha256(weights).hexdigest()
    assert draft.files[WEIGHTS_FILE].size_bytes == len(weights)
    assert draft.parameters == 6_573_120 - 7 * 512
    assert draft.classes == ["blue", "green", "red"]
    assert draft.dataset.id == tiny_training.facts.id


def test_the_manifest_holds_the_recipe_with_all_its_settings(tiny_training: TinyTraining) -> None:
    trained = tiny_training.train(epochs=1, recipe="classic", label_smoothing=0.125)
    draft = stage_model(trained, tiny_training.storage, "mdl_recipe")
    stored = ResolvedRecipe.model_validate(draft.lineage["recipe"])
    assert stored.to_recipe() == replace(recipe_of(trained.spec), label_smoothing=0.125)
    assert stored.name == "classic"
    assert draft.lineage["recipe"] == resolve_recipe(trained.spec).model_dump(mode="json")
