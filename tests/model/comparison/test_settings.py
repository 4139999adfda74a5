"""The settings in which models differ."""

from model.comparison.settings import different_settings
from tests.model.manifests import draft, published


def test_only_settings_that_differ_are_listed_with_one_value_for_each_model() -> None:
    first = published("mdl_1", draft())
    changes = {"epochs": 7, "tags": ["x"], "name": "other"}
    second = first.model_copy(update={"spec": first.spec.model_copy(update=changes)})
    third = first.model_copy(update={"lineage": {"settings": {"patience": 3}}})
    assert different_settings([first, second, third]) == {"epochs": [1, 7, 1], "patience": [None, None, 3]}
    assert different_settings([first, first]) == {}
