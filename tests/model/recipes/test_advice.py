import pytest

from model.spec import DatasetFacts
from tests.model.dataset_facts import facts, warnings


@pytest.mark.parametrize(
    ("of", "given", "warning"),
    [
        (
            facts([500, 500], side=768),
            {"image_size": 32},
            "1024 x 768; 32 px discards detail: try image_size 64",
        ),
        (facts([500, 500], side=500), {"image_size": 200}, "bag of patches"),
        (facts([500, 500], side=16), {"image_size": 64}, "only enlarges"),
        (facts([500, 7]), {}, "'class 1' has only 7 training images"),
        (facts([500, 500]), {"validation_fraction": 0.0}, "uncalibrated"),
        (facts([4, 4]), {"validation_fraction": 0.05}, "is none"),
        (facts([500, 500], tests=20), {}, "only 40 images"),
        (facts([50, 50]), {"batch_size": 512}, "more than all 80"),
        (facts([50, 50]), {"epochs": 1}, "only 5 steps"),
        (facts([500, 500]), {"recipe": "classic"}, "use thorough"),
        (facts([500, 500]), {"epochs": 3, "patience": 3}, "patience 3 has no effect in so few epochs"),
    ],
)
def test_a_warning_says_what_to_change(of: DatasetFacts, given: dict[str, object], warning: str) -> None:
    assert warning in warnings(of, **given)


def test_a_job_without_problems_has_no_warnings() -> None:
    assert warnings(facts([5_000] * 10)) == ""
