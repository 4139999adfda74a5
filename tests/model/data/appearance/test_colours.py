import numpy as np
import pytest
from PIL import Image

from model.data.appearance.colours import LOWEST_SHARE, TOLERANCE, measure_colours
from tests.model.pictures import noise

PIXELS = 100


def _image(values: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> Image.Image:
    return Image.fromarray(np.repeat(values.reshape(10, 10, 1), 3, axis=2))


@pytest.mark.parametrize("others", [0, 2, 9])
@pytest.mark.parametrize("first", [0, 100, 255 - TOLERANCE])
def test_values_within_the_tolerance_are_one_colour(first: int, others: int) -> None:
    values = np.array(first + np.arange(PIXELS) % (TOLERANCE + 1), np.uint8)
    values[:others] = (first + 128) % 256
    colours = measure_colours(_image(values))
    assert colours.share_of_one == pytest.approx((PIXELS - others) / PIXELS)
    assert colours.is_black == (first == 0)


def test_one_even_channel_is_not_one_colour() -> None:
    pixels = np.asarray(noise(0, 10, 10)).copy()
    pixels[..., 0] = 7
    assert measure_colours(Image.fromarray(pixels)).share_of_one < LOWEST_SHARE
