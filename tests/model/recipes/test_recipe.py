import subprocess
import sys
from typing import Any

import pytest

from model.errors import UnfitSpecError
from model.recipes.defaults import resolve
from model.recipes.recipe import RECIPES, recipe_of
from model.spec import (
    Augmentation,
    ClassWeighting,
    DatasetFacts,
    JobSpec,
    RecipeName,
    Resize,
    ResolvedSpec,
)


def facts(
    counts: list[int], *, side: int = 32, tests: int = 100, mirror_symmetric: bool = True
) -> DatasetFacts:
    return DatasetFacts(
        id="ds_0123",
        name="things",
        classes=[f"class {number}" for number in range(len(counts))],
        train_counts=counts,
        test_counts=[tests] * len(counts),
        median_width=side + side // 3,
        median_height=side,
        mirror_symmetric=mirror_symmetric,
        content_hash="0" * 64,
    )


def resolved(of: DatasetFacts, device: str = "cpu", **given: object) -> ResolvedSpec:
    return resolve(JobSpec.model_validate({"dataset": of.id, **given}), of, device)[0]


def warnings(of: DatasetFacts, **given: object) -> str:
    return "\n".join(resolve(JobSpec.model_validate({"dataset": of.id, **given}), of, "cpu")[1])


def test_importing_it_does_not_import_torch() -> None:
    code = "import sys, model.recipes.defaults, model.training.request, model.training.reporter; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("side", "device", "size"),
    [(8, "cpu", 16), (23, "cpu", 16), (24, "cpu", 32), (32, "cuda", 32), (48, "cpu", 64), (95, "cuda", 64),
     (96, "cpu", 64), (96, "cuda", 64), (1024, "cpu", 64), (1024, "cuda", 64)],
)  # fmt: skip
def test_image_size_follows_the_median_short_side(side: int, device: str, size: int) -> None:
    assert resolved(facts([50, 50], side=side), device).image_size == size


@pytest.mark.parametrize(
    ("images", "batch"), [(100, 16), (1423, 32), (5_000, 64), (20_480, 512), (20_479, 256), (50_000, 512)]
)
def test_batch_size_leaves_at_least_forty_steps(images: int, batch: int) -> None:
    assert resolved(facts([images // 2, images - images // 2])).batch_size == batch


@pytest.mark.parametrize(
    ("images", "device", "recipe", "epochs"),
    [(50_000, "cpu", RecipeName.FAST, 9), (20_000, "cuda", RecipeName.FAST, 9),
     (19_998, "cuda", RecipeName.THOROUGH, 26), (5_000, "cuda", RecipeName.THOROUGH, 100),
     (5_000, "cpu", RecipeName.THOROUGH, 20)],
)  # fmt: skip
def test_recipe_and_epochs_follow_size_and_device(
    images: int, device: str, recipe: RecipeName, epochs: int
) -> None:
    spec = resolved(facts([images // 2] * 2), device)
    assert (spec.recipe, spec.epochs) == (recipe, epochs)


@pytest.mark.parametrize(("images", "fraction"), [(10_000, 0.05), (2_000, 0.1), (1_998, 0.2)])
def test_validation_fraction_follows_the_size(images: int, fraction: float) -> None:
    assert resolved(facts([images // 2] * 2)).validation_fraction == fraction


def test_photos_get_photo_augmentation() -> None:
    assert resolved(facts([500, 500], side=200)).augmentation is Augmentation.PHOTO
    assert resolved(facts([500, 500], side=32)).augmentation is Augmentation.LIGHT


def test_flips_follow_the_dataset_unless_told() -> None:
    digits = facts([500, 500], mirror_symmetric=False)
    assert not resolved(digits).horizontal_flip
    assert resolved(digits, horizontal_flip=True).horizontal_flip
    assert "horizontal_flip" in warnings(digits, horizontal_flip=True)


def test_uneven_classes_are_weighted_and_warned_of() -> None:
    assert resolved(facts([400, 100])).class_weighting is ClassWeighting.SQUARE_ROOT
    assert resolved(facts([300, 100])).class_weighting is ClassWeighting.NONE
    assert "class_weighting" in warnings(facts([400, 100]))


def test_the_learning_rate_scales_with_the_batch() -> None:
    assert resolved(facts([25_000] * 2)).learning_rate == 0.5
    assert resolved(facts([25_000] * 2), batch_size=128).learning_rate == 0.25


@pytest.mark.parametrize("batch", [16, 128, 512])
def test_muons_rate_is_the_same_for_all_batches_and_follows_the_users(batch: int) -> None:
    usual = resolved(facts([25_000] * 2), batch_size=batch)
    halved = resolved(facts([25_000] * 2), batch_size=batch, learning_rate=usual.learning_rate / 2)
    rates = [recipe.learning_rate * recipe.muon_scale for recipe in map(recipe_of, (usual, halved))]
    peak = 0.5 * RECIPES[RecipeName.FAST].muon_scale
    assert rates == pytest.approx([peak, peak / 2], rel=1e-3)


def test_what_the_user_says_stays() -> None:
    given: dict[str, Any] = {
        "name": "mine", "recipe": "fast", "epochs": 3, "batch_size": 7, "learning_rate": 0.3,
        "weight_decay": 0.0, "label_smoothing": 0.0, "image_size": 48, "resize": "pad",
        "augmentation": "none", "horizontal_flip": False, "class_weighting": "none", "seed": 5,
        "validation_fraction": 0.0, "promote": "never", "tags": ["a"], "init_from": "mdl_1", "time_budget_s": 60.0,
        "gpus": 2,
    }  # fmt: skip
    spec = resolved(facts([500, 100]), **given)
    assert spec.model_dump(mode="json") == {"dataset": "ds_0123", **given}


def test_a_batch_must_be_enough_for_all_devices() -> None:
    assert resolved(facts([10, 10]), batch_size=4, validation_fraction=0.0, gpus=2).gpus == 2
    with pytest.raises(UnfitSpecError, match="batches of 4 images are too small for 3 devices"):
        resolved(facts([10, 10]), batch_size=4, validation_fraction=0.0, gpus=3)


def test_classic_is_the_source_to_the_letter() -> None:
    spec = resolved(facts([5_000] * 10), recipe="classic")
    assert (spec.epochs, spec.batch_size, spec.learning_rate, spec.label_smoothing) == (20, 512, 0.01, 0.0)
    # The gradient of Keras's l2(5e-4) is 1e-3·w; its batch-norm momentum of 0.1 is torch's 0.9.
    assert spec.weight_decay == 1e-3
    assert spec.resize is Resize.SQUASH
    assert recipe_of(spec) == RECIPES[RecipeName.CLASSIC]
    assert RECIPES[RecipeName.CLASSIC].batch_norm_momentum == 0.9


@pytest.mark.parametrize(
    ("of", "given", "says"),
    [
        (
            facts([500, 500], side=768),
            {"image_size": 32},
            "1024 x 768; 32 px discards detail: try image_size 64",
        ),
        (facts([500, 500], side=500), {"image_size": 200}, "bag of patches"),
        (facts([500, 500], side=16), {"image_size": 64}, "only enlarges"),
        (facts([500, 7]), {}, "'class 1' has only 7 training images"),
        (facts([500, 500]), {"validation_fraction": 0.0}, "uncalibrated"),
        (facts([4, 4]), {"validation_fraction": 0.05}, "is none"),
        (facts([500, 500], tests=20), {}, "only 40 images"),
        (facts([50, 50]), {"batch_size": 512}, "more than all 80"),
        (facts([50, 50]), {"epochs": 1}, "only 5 steps"),
        (facts([500, 500]), {"recipe": "classic"}, "use thorough"),
    ],
)
def test_warns_with_what_to_do(of: DatasetFacts, given: dict[str, object], says: str) -> None:
    assert says in warnings(of, **given)


def test_a_sound_job_is_not_warned_of() -> None:
    assert warnings(facts([5_000] * 10)) == ""
