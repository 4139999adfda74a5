"""Damaged image files are decoded or refused: nothing else comes out of a decoder."""

import random
import warnings

import pytest

from api.predictor.decoding.preparation import LargeImage, prepare_small
from api.predictor.protocol.image_data import ImageData
from model.artifact.manifest import Preprocessing
from model.errors import ImageError
from model.spec import Resize
from tests.model.hostile_images import mutated
from tests.model.pictures import encode, noise

_PREPROCESSING = Preprocessing(image_size=32, resize=Resize.CROP, mean=(0, 0, 0), std=(1, 1, 1))
MUTANTS = 120


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_damaged_files_are_decoded_or_refused(kind: str) -> None:
    draw = random.Random(kind)  # noqa: S311  # no secret
    whole, refused = encode(noise(0, 64, 48), kind), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the predictor does: Pillow warns of each damaged field
        for _ in range(MUTANTS):
            try:
                prepared = prepare_small(ImageData(mutated(whole, draw)), _PREPROCESSING)
            except ImageError:
                refused += 1
            else:
                assert isinstance(prepared, LargeImage) or prepared.shape == (32, 32, 3)
    assert 0 < refused < MUTANTS
