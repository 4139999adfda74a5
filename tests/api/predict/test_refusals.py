"""A refusal by the predictor is remembered for a moment."""

import pytest

from api.predict.refusals import RecentRefusals
from api.predictor.errors import OverloadedError


def test_requests_that_come_just_after_a_refusal_get_the_same_answer_and_later_ones_are_tried() -> None:
    now = 100.0
    refusals = RecentRefusals(clock=lambda: now)
    refusals.check(("default", "cats", False))
    refused = OverloadedError("Try again in 7 s.", retry_after_s=7)
    with pytest.raises(OverloadedError), refusals.remembered(("default", "cats", False)):
        raise refused
    with pytest.raises(OverloadedError, match="7 s") as repeated:
        refusals.check(("default", "cats", False))
    assert repeated.value.retry_after_s == 7
    refusals.check(("default", "dogs", False))
    refusals.check(("default", "cats", True))
    now += 0.3
    refusals.check(("default", "cats", False))
