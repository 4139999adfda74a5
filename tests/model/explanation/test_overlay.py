"""The heat map over an image."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model.explanation.overlay import draw_overlay


def overlay(size: int, evidence: np.ndarray) -> np.ndarray:
    pixels = np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)
    picture = Image.open(BytesIO(draw_overlay(pixels, evidence)))
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    return np.array(picture).astype(int)


def colourfulness(picture: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from grey."""
    return np.asarray(picture.max(axis=2) - picture.min(axis=2))


@pytest.mark.parametrize(
    ("size", "side"), [(16, 224), (28, 224), (32, 224), (100, 300), (224, 224), (300, 300)]
)
def test_the_picture_has_at_least_224_pixels_a_side(size: int, side: int) -> None:
    assert overlay(size, np.ones((size // 8, size // 8))).shape == (side, side, 3)


def test_only_positive_evidence_is_coloured_and_the_most_is_brightest() -> None:
    evidence = np.array([[6.0, 0, 0, 0], [0, 0, 0, 2.5], [0, -9, 0, 0], [0, 0, 0, 0]])
    pixels = np.full((32, 32, 3), 90, np.uint8)
    picture = np.array(Image.open(BytesIO(draw_overlay(pixels, evidence)))).astype(int)
    most, some, against, none = picture[20, 20], picture[84, 200], picture[140, 84], picture[200, 200]
    assert most.sum() > some.sum() > none.sum()
    assert colourfulness(some[None, None]) > 50
    assert against.tolist() == none.tolist() == [90, 90, 90]


def test_without_positive_evidence_the_picture_is_grey() -> None:
    assert not colourfulness(overlay(16, np.zeros((2, 2)))).any()
    assert not colourfulness(overlay(16, np.full((2, 2), -1.0))).any()


def test_pixels_that_the_pools_leave_out_have_no_evidence() -> None:
    coloured = colourfulness(overlay(28, np.ones((3, 3)))) > 0  # 3 positions stand for 24 of 28 pixels
    assert coloured[: 24 * 8, : 24 * 8].all()
    assert not coloured[24 * 8 :].any()
    assert not coloured[:, 24 * 8 :].any()
