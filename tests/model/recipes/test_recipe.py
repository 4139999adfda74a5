import subprocess
import sys

import pytest

from model.recipes.recipe import RECIPES, recipe_of
from model.spec import (
    RecipeName,
    Resize,
)
from tests.model.dataset_facts import facts, resolved


def test_importing_recipes_request_and_reporter_does_not_import_torch() -> None:
    code = "import sys, model.recipes.defaults, model.training.request, model.training.reporter; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("batch", [16, 128, 512])
def test_muons_learning_rate_is_the_same_for_all_batch_sizes_and_scales_with_the_specs(batch: int) -> None:
    usual = resolved(facts([25_000] * 2), batch_size=batch)
    halved = resolved(facts([25_000] * 2), batch_size=batch, learning_rate=usual.learning_rate / 2)
    rates = [recipe.learning_rate * recipe.muon_scale for recipe in map(recipe_of, (usual, halved))]
    peak = 0.5 * RECIPES[RecipeName.FAST].muon_scale
    assert rates == pytest.approx([peak, peak / 2], rel=1e-3)


def test_classic_has_the_settings_of_the_original_keras_recipe() -> None:
    spec = resolved(facts([5_000] * 10), recipe="classic")
    assert (spec.epochs, spec.batch_size, spec.learning_rate, spec.label_smoothing) == (20, 512, 0.01, 0.0)
    # The gradient of Keras's l2(5e-4) is 1e-3·w; its batch-norm momentum of 0.1 is 0.9 in PyTorch's definition.
    assert spec.weight_decay == 1e-3
    assert spec.resize is Resize.SQUASH
    assert recipe_of(spec) == RECIPES[RecipeName.CLASSIC]
    assert RECIPES[RecipeName.CLASSIC].batch_norm_momentum == 0.9
