import pytest

from model.recipes.progressive_resizing import image_side_at, image_sides, remaining_time
from model.recipes.recipe import RECIPES
from model.spec import RecipeName

FAST, THOROUGH = RECIPES[RecipeName.FAST], RECIPES[RecipeName.THOROUGH]


def test_image_sides_grow_in_multiples_of_four() -> None:
    assert [image_side_at(FAST, p, 32) for p in (0.0, 0.39, 0.4, 0.7, 0.99)] == [24, 24, 28, 32, 32]
    assert image_sides(FAST, 32) == [24, 28, 32]
    assert image_side_at(FAST, 0.0, 16) == 16
    assert image_side_at(THOROUGH, 0.0, 30) == 30


def test_the_remaining_time_counts_that_steps_on_larger_images_take_longer() -> None:
    assert [remaining_time(THOROUGH, p, 32) for p in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]
    total = 0.4 + 0.3 * (28 / 24) ** 2 + 0.3 * (32 / 24) ** 2
    assert remaining_time(FAST, 0.0, 32) == pytest.approx(total)
    assert remaining_time(FAST, 0.1, 32) == pytest.approx(total - 0.1)
    assert remaining_time(FAST, 0.8, 32) == pytest.approx(0.2)
    assert remaining_time(FAST, 1.0, 32) == 0
