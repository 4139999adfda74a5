"""Progressive resizing: a training starts on smaller images and ends on images of full size. Imports no torch.

The fast.ai entries to DAWNBench (2018) introduced the technique; MosaicML Composer has it under the same name.
"""

from model.recipes.recipe import Recipe

_MIN_SIDE = 16
_SIDE_MULTIPLE = 4


def image_side_at(recipe: Recipe, progress: float, full_side: int) -> int:
    """Return the side in pixels of the training images at `progress`.

    Args:
        recipe: its `resize_schedule` gives the sides as shares of `full_side`.
        progress: completed share of the training, 0 to below 1.
        full_side: side in pixels of the images at the end; any number. Smaller sides are multiples of 4.
    """
    share = next(share for start, share in reversed(recipe.resize_schedule) if progress >= start)
    if share == 1:
        return full_side
    return max(_MIN_SIDE, _SIDE_MULTIPLE * round(full_side * share / _SIDE_MULTIPLE))


def image_sides(recipe: Recipe, full_side: int) -> list[int]:
    """Return all sides in pixels that the training images have, in the order of the training."""
    return [image_side_at(recipe, start, full_side) for start, _ in recipe.resize_schedule]


def remaining_time(recipe: Recipe, progress: float, full_side: int) -> float:
    """Estimate the remaining training time at `progress`, in units of (total steps x duration of the next step).

    Steps on smaller images are shorter: the duration of a step grows with the square of the image side.
    """
    starts = [start for start, _ in recipe.resize_schedule]
    current_side = image_side_at(recipe, min(progress, 1 - 1e-9), full_side)
    return sum(
        max(0.0, end - max(start, progress)) * (side / current_side) ** 2
        for start, end, side in zip(starts, [*starts[1:], 1.0], image_sides(recipe, full_side), strict=True)
    )
