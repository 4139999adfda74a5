"""How large the images are at each point of a run. Imports no torch."""

from model.recipes.recipe import Recipe


def image_side_at(recipe: Recipe, progress: float, full_side: int) -> int:
    """The side in pixels of the images that a run sees when so much of it is done: a multiple of 4.

    Args:
        recipe: whose `sizes` say so.
        progress: 0 to below 1.
        full_side: of the last images.
    """
    share = next(share for begins, share in reversed(recipe.sizes) if progress >= begins)
    return full_side if share == 1 else max(16, 4 * round(full_side * share / 4))


def image_sides(recipe: Recipe, full_side: int) -> list[int]:
    """Every side in pixels that images have in a run, the last at the end."""
    return [image_side_at(recipe, begins, full_side) for begins, _ in recipe.sizes]


def remaining_time(recipe: Recipe, progress: float, full_side: int) -> float:
    """What is left of a run after so much of its steps: in time, as a share of that of as many steps as the next one."""
    begins = [begin for begin, _ in recipe.sizes]
    now = image_side_at(recipe, min(progress, 1 - 1e-9), full_side)
    return sum(
        max(0.0, end - max(begin, progress)) * (side / now) ** 2
        for begin, end, side in zip(begins, [*begins[1:], 1.0], image_sides(recipe, full_side), strict=True)
    )
