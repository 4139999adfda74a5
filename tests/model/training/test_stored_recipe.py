"""A training keeps the recipe that it began with, also when the recipes of this version change meanwhile."""

import dataclasses
import hashlib
import logging

import pytest
from safetensors import safe_open
from safetensors.torch import save

from model.errors import RecipeChangedError, UnknownRecipeError
from model.recipes.recipe import RECIPES
from model.recipes.resolved_recipe import resolve_recipe
from model.spec import RecipeName
from model.storage.interface import Storage
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining
from tests.model.training.test_training import weight_hash
from tests.stored import stored_path

pytestmark = pytest.mark.usefixtures("narrow_network")


@pytest.fixture(autouse=True)
def without_checkpoints(tiny_training: TinyTraining) -> None:
    tiny_training.storage.delete("checkpoints/job_test")


@pytest.fixture(scope="module")
def uninterrupted(tiny_training: TinyTraining) -> str:
    """The hash of the weights of a training that nothing interrupts."""
    return weight_hash(tiny_training.train())


def change_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change `classic`, as a later version of Ninefold might."""
    changed = dataclasses.replace(RECIPES[RecipeName.CLASSIC], translate=0.25, warm_up_fraction=0.5)
    monkeypatch.setitem(RECIPES, RecipeName.CLASSIC, changed)


def test_a_resumed_training_keeps_its_recipe_when_the_recipes_change(
    tiny_training: TinyTraining,
    uninterrupted: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    spec = tiny_training.spec()
    recipe = resolve_recipe(spec)
    key = tiny_training.drain(spec, before_step=3).saved[-1].key
    assert "training with the recipe" not in caplog.text

    change_recipes(monkeypatch)
    request = tiny_training.request(spec, attempt=2, resume_from=key)
    resumed = run_training(dataclasses.replace(request, recipe=recipe), Recorder())
    assert weight_hash(resumed) == uninterrupted
    assert resumed.recipe == recipe
    assert "translate 0.125 → 0.25" in caplog.text

    other = run_training(tiny_training.request(spec, attempt=3), Recorder())
    assert weight_hash(other) != uninterrupted
    assert other.recipe.to_recipe().translate == 0.25


def test_a_checkpoint_of_another_recipe_is_refused(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_training.spec()
    key = tiny_training.drain(spec, before_step=3).saved[-1].key
    change_recipes(monkeypatch)
    with pytest.raises(RecipeChangedError) as refusal:
        run_training(tiny_training.request(spec, attempt=2, resume_from=key), Recorder())
    assert refusal.value.code == "recipe_changed"
    assert refusal.value.changes == ("translate 0.125 → 0.25", "warm_up_fraction 0.0 → 0.5")
    assert key in str(refusal.value)
    assert "post the job again" in str(refusal.value)


def test_a_recipe_with_an_unknown_setting_is_refused_before_training(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec()
    recipe = resolve_recipe(spec)
    unknown = recipe.model_copy(update={"settings": {**recipe.settings, "sharpness": 1.0}})
    recorder = Recorder()
    with pytest.raises(UnknownRecipeError, match="sharpness"):
        run_training(dataclasses.replace(tiny_training.request(spec), recipe=unknown), recorder)
    assert recorder.phases == []


def without_recipe(storage: Storage, key: str) -> str:
    """Store a checkpoint again, as earlier versions wrote it; return its key."""
    with safe_open(stored_path(storage, key), "pt") as file:
        header = {name: value for name, value in file.metadata().items() if name != "recipe"}
        data = save({name: file.get_tensor(name) for name in file.keys()}, header)  # noqa: SIM118 - not a dict
    earlier = f"{key.rpartition('-')[0]}-{hashlib.sha256(data).hexdigest()}.safetensors"
    storage.put_bytes(earlier, data)
    return earlier


def test_a_checkpoint_of_an_earlier_version_is_continued_and_the_log_says_with_which_recipe(
    tiny_training: TinyTraining, uninterrupted: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    spec = tiny_training.spec()
    key = without_recipe(tiny_training.storage, tiny_training.drain(spec, before_step=3).saved[-1].key)
    resumed = run_training(tiny_training.request(spec, attempt=2, resume_from=key), Recorder())
    assert weight_hash(resumed) == uninterrupted
    assert f"does not name its recipe: continuing with classic ({resolve_recipe(spec).digest})" in caplog.text
