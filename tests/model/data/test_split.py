"""A group of near duplicates is in one split, which stays the same when images are added."""

import hashlib
from typing import TypedDict

from hypothesis import given
from hypothesis import strategies as st

from model.data.split import MIN_TRAIN_IMAGES, SplitName, choose_test_images


class _Images(TypedDict):
    labels: list[str]
    digests: list[str]
    groups: dict[str, str]


def _digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _images(images: list[tuple[str, int, int]]) -> _Images:
    """Return images, given by class, number and group; group 0 is none."""
    return {
        "labels": [label for label, _, _ in images],
        "digests": [_digest(number) for _, number, _ in images],
        "groups": {_digest(number): f"grp_{group}" for _, number, group in images if group},
    }


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 6)), min_size=1, max_size=80
    )
)
def test_no_group_straddles_the_splits(images: list[tuple[str, int, int]]) -> None:
    given_images = _images(images)
    split = choose_test_images(**given_images)
    backwards = _images(list(reversed(images)))
    backwards["groups"] = given_images["groups"]
    assert choose_test_images(**backwards) == split
    for group in set(given_images["groups"].values()):
        members = {digest for digest, one in given_images["groups"].items() if one == group}
        assert members <= split.test or members.isdisjoint(split.test)
    for label in "abc":
        digests = [
            d for d, one in zip(given_images["digests"], given_images["labels"], strict=True) if one == label
        ]
        trained = sum(digest not in split.test for digest in digests)
        assert trained >= min(MIN_TRAIN_IMAGES, len(digests))
    assert not split.left_out


def test_a_class_whose_chosen_images_are_none_gets_a_test_image() -> None:
    split = choose_test_images(**_images([("a", number, 0) for number in range(4)]))
    assert len(split.test) >= 1


def test_images_of_an_earlier_version_keep_their_split() -> None:
    known: dict[str, SplitName] = {
        _digest(number): "test" if number < 10 else "train" for number in range(40)
    }
    images = _images(
        [("a", number, 0) for number in range(40)]
        + [("a", 100, 0)]
        + [("a", 0, 1), ("a", 101, 1)]  # the group of a test image
        + [("a", 20, 2), ("a", 102, 2)]  # the group of a training image
        + [("a", 1, 3), ("a", 21, 3), ("a", 103, 3)]  # the group of both
    )
    split = choose_test_images(**images, known=known)
    assert {digest for digest in known if digest in split.test} == {_digest(number) for number in range(10)}
    assert _digest(101) in split.test
    assert _digest(102) not in split.test
    assert split.left_out == {_digest(103)}


def test_a_split_that_has_few_training_images_is_kept_from_an_earlier_version() -> None:
    known: dict[str, SplitName] = {_digest(0): "test", _digest(1): "test", _digest(2): "train"}
    split = choose_test_images(**_images([("a", number, 0) for number in range(3)]), known=known)
    assert split.test == {_digest(0), _digest(1)}
