"""Twins are in one group; images that only look alike are not; the order of the images is irrelevant."""

import hashlib
from itertools import pairwise

import numpy as np
from PIL import Image

from model.data.duplicates.grouping import find_near_duplicates
from model.data.images import inspect_image
from model.data.sources.digits import read_digits
from tests.model.photos import TWINS, photo
from tests.model.pictures import encode

Miniatures = dict[str, bytes]


def _miniatures(*images: Image.Image) -> Miniatures:
    files = [encode(image) for image in images]
    return {hashlib.sha256(data).hexdigest(): inspect_image(data).miniature for data in files}


def _groups(miniatures: Miniatures) -> list[str | None]:
    groups = find_near_duplicates(miniatures.items()).groups
    return [groups.get(digest) for digest in miniatures]


def test_twins_are_in_the_group_of_their_smallest_digest() -> None:
    photos = [photo(seed) for seed in range(40)]
    for index, twin in enumerate(TWINS.values()):
        miniatures = _miniatures(*photos, twin(photos[index]))
        found = _groups(miniatures)
        digests = list(miniatures)
        expected = f"grp_{min(digests[index], digests[-1])[:12]}"
        assert [group for group in found if group] == [expected, expected]
        assert found[index] == found[-1] == expected


def test_several_twins_of_an_image_are_one_group() -> None:
    photos = [photo(seed) for seed in range(40)]
    found = _groups(_miniatures(*photos, *(twin(photos[0]) for twin in TWINS.values())))
    assert len({found[0], *found[40:]}) == 1
    assert found[1:40] == [None] * 39


def test_the_order_of_the_images_is_irrelevant() -> None:
    photos = [photo(seed) for seed in range(20)]
    miniatures = _miniatures(*photos, *(twin(photos[3]) for twin in TWINS.values()))
    backwards = dict(reversed(miniatures.items()))
    assert find_near_duplicates(miniatures.items()) == find_near_duplicates(backwards.items())


def test_files_with_equal_bytes_are_a_group() -> None:
    [(digest, miniature)] = _miniatures(photo(0)).items()
    assert find_near_duplicates([(digest, miniature)] * 2).groups == {digest: f"grp_{digest[:12]}"}
    assert find_near_duplicates([(digest, miniature)]).groups == {}


def test_digits_look_alike_and_are_few_groups() -> None:
    images = [Image.fromarray(image) for image in read_digits().images_NHWC]
    found = [group for group in _groups(_miniatures(*images)) if group]
    assert len(found) < 0.02 * len(images)


def test_the_same_shape_in_other_colours_is_no_twin() -> None:
    red, blue = photo(0).point(lambda value: value // 4), photo(0).point(lambda value: value // 4)
    red.paste((200, 20, 20), (20, 20, 70, 70))
    blue.paste((20, 20, 200), (20, 20, 70, 70))
    assert _groups(_miniatures(red, blue, *(photo(seed) for seed in range(1, 20)))) == [None] * 21


def test_blank_images_are_in_no_group() -> None:
    blank = [Image.new("RGB", (40, 40), (level, level, level)) for level in range(200)]
    assert _groups(_miniatures(*blank)) == [None] * 200


def test_a_slow_video_is_cut_into_groups_whose_frames_are_alike() -> None:
    wide = photo(0, 400)
    frames = [wide.crop((step, 0, step + 200, 200)) for step in range(0, 200, 2)]
    others = [photo(seed) for seed in range(1, 200)]
    found = _groups(_miniatures(*frames, *others))[:100]
    assert len(set(found)) > 5
    assert found[0] != found[-1]
    assert sum(first == second for first, second in pairwise(found)) > 60


def test_thousands_of_images_with_one_hash_do_not_depend_on_their_order() -> None:
    random = np.random.default_rng(0)
    base = np.frombuffer(inspect_image(encode(photo(0))).miniature, np.uint8).astype(int)
    noisy = np.clip(base + random.integers(-1, 2, (5000, len(base))), 0, 255).astype(np.uint8)
    miniatures = {hashlib.sha256(image.tobytes()).hexdigest(): image.tobytes() for image in noisy}
    found = find_near_duplicates(miniatures.items())
    assert len(set(found.hashes.values())) < 50
    assert found == find_near_duplicates(reversed(miniatures.items()))


def test_no_images_have_no_groups() -> None:
    assert find_near_duplicates([]).groups == {}
