import pytest
import torch
from torch import nn

from model.evaluation.scores import score, wilson_interval


def test_score_has_loss_accuracy_and_balanced_accuracy() -> None:
    logits_NK = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    result = score(logits_NK, torch.tensor([0, 0, 0, 1]))
    assert result.accuracy == 0.75
    # Class 2 has no image and is left out of the mean.
    assert result.balanced_accuracy == 0.5
    assert result.loss == pytest.approx(
        nn.functional.cross_entropy(logits_NK, torch.tensor([0, 0, 0, 1])).item()
    )


@pytest.mark.parametrize(
    ("accuracy", "count", "low", "high"),
    [(0.5, 100, 0.4038, 0.5962), (0.9, 1000, 0.8799, 0.9171), (1.0, 20, 0.8389, 1.0), (0.0, 20, 0.0, 0.1611)],
)
def test_the_wilson_interval_has_the_known_limits(
    accuracy: float, count: int, low: float, high: float
) -> None:
    assert wilson_interval(accuracy, count) == pytest.approx((low, high), abs=2e-4)
