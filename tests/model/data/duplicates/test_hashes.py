"""The perceptual hash is that of the package ImageHash, and its distances are like those of PDQ."""

import imagehash
import numpy as np
from PIL import Image

from model.data.duplicates.hashes import hash_images
from tests.model.photos import TWINS, photo


def _miniature(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BILINEAR))


def test_the_hash_of_a_small_image_is_that_of_imagehash() -> None:
    images = np.stack([_miniature(photo(seed)) for seed in range(100)])
    expected = [imagehash.phash(Image.fromarray(image), highfreq_factor=2) for image in images]
    assert [f"{value:016x}" for value in hash_images(images).tolist()] == [str(value) for value in expected]


def test_distances_of_photos_are_like_those_of_imagehash() -> None:
    pairs = [(photo(seed), twin(photo(seed))) for seed in range(20) for twin in TWINS.values()]
    pairs += [(photo(seed), photo(seed + 1)) for seed in range(100, 200, 2)]
    first, second = (hash_images(np.stack([_miniature(pair[side]) for pair in pairs])) for side in (0, 1))
    ours = np.bitwise_count(first ^ second)
    theirs = np.array([imagehash.phash(one) - imagehash.phash(other) for one, other in pairs])
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95
    assert ours[:120].max() < ours[120:].min()
