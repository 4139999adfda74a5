"""The sentence about a comparison: what was found, how sure it is, and what to do."""

import pytest

from model.comparison.description import describe
from model.comparison.result import Comparison

MODELS = {
    "candidate_model": {"id": "mdl_2", "name": "pets", "version": 2},
    "current_model": {"id": "mdl_1", "name": "pets", "version": 1},
}


def comparison(**changes: object) -> Comparison:
    facts = {
        "metric": "accuracy", "margin": 0.0, "images": 860, "groups": 850, "candidate": 0.912, "current": 0.908,
        "difference": 0.004, "ci95": (-0.006, 0.014), "mcnemar": None, "left_out": {}, "relabelled": 0,
        "is_better": False, "images_needed": 5400,
    }  # fmt: skip
    return Comparison.model_validate(MODELS | facts | changes)


def test_the_numbers_and_the_needed_images_are_said() -> None:
    assert describe(comparison()) == (
        "pets:2 is not shown to be better than pets:1: accuracy 91.2% against 90.8% on 860 test images that neither was "
        "trained on, a difference of +0.4 points (95 %: -0.6 to +1.4). About 5,400 such images would show a difference of "
        "this size."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"is_better": True, "images_needed": None}, "pets:2 is better than pets:1"),
        (
            {"groups": 15, "difference": 0.0, "ci95": (0.0, 0.0), "images_needed": None},
            "Fewer than 20 different images",
        ),
        (
            {"difference": 0.0, "ci95": (-0.01, 0.01), "images_needed": None},
            "a difference of 0.0 points (95 %: -1.0 to",
        ),
        (
            {"metric": "log_loss", "candidate": 0.3, "current": 0.4, "difference": 0.1},
            "log loss 0.300 against 0.400",
        ),
        ({"margin": 0.02}, "with a margin of 2.0 points"),
        (
            {
                "images": 0,
                "difference": None,
                "ci95": None,
                "left_out": {"trained_on": 7, "unknown_label": 2},
            },
            "7 that a model was trained on from which one of them started, 2 of a class that the current model",
        ),
    ],
)
def test_what_else_is_said(changes: dict[str, object], text: str) -> None:
    assert text in describe(comparison(**changes))
