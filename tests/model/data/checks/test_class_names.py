import pytest

from model.data.checks.class_names import warn_of_class_names


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ({"cat", "Cat", "dog"}, "'Cat' = 'cat'"),
        ({"polar bear", "polar_bear", "polarbear"}, "'polar bear' = 'polar_bear' = 'polarbear'"),
        ({"Straße", "STRASSE", "Weg"}, "'STRASSE' = 'Straße'"),
        ({"cat", "dog", "cat|dog"}, "'cat|dog'"),
        ({"cat", "dog", "cat, dog"}, "'cat, dog'"),
        ({"cat", "dog", "cat dog"}, "'cat dog'"),
    ],
)
def test_names_of_the_same_or_of_several_classes_are_told(classes: set[str], told: str) -> None:
    (warning,) = warn_of_class_names(classes)
    assert told in warning


@pytest.mark.parametrize(
    "classes",
    [
        {"A", "a", "B", "b"},
        {"1 1", "11", "1-2"},
        {"0", "1", "10"},
        {"cat", "dog", "cat, tabby"},
        {"+", "-", "_"},
        {"cat", "dog", "black cat"},
    ],
)
def test_names_of_different_classes_are_not_told(classes: set[str]) -> None:
    assert warn_of_class_names(classes) == []
