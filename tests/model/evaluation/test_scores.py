import pytest
import torch
from torch import nn

from model.evaluation.scores import score


def test_score_has_loss_accuracy_and_balanced_accuracy() -> None:
    logits_NK = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    result = score(logits_NK, torch.tensor([0, 0, 0, 1]))
    assert result.accuracy == 0.75
    # Class 2 has no image and is left out of the mean.
    assert result.balanced_accuracy == 0.5
    assert result.loss == pytest.approx(
        nn.functional.cross_entropy(logits_NK, torch.tensor([0, 0, 0, 1])).item()
    )
    assert result.accuracy_error == pytest.approx((0.75 * 0.25 / 4) ** 0.5)
    assert result.balanced_accuracy_error == 0  # one class is always right, the other never


def test_the_error_of_balanced_accuracy_is_that_of_its_classes() -> None:
    logits_NK = torch.tensor([[2.0, 0.0]] * 6)
    logits_NK[3] = logits_NK[5] = torch.tensor([0.0, 2.0])
    result = score(logits_NK, torch.tensor([0, 0, 0, 0, 1, 1]))
    assert result.balanced_accuracy == pytest.approx((0.75 + 0.5) / 2)
    assert result.balanced_accuracy_error == pytest.approx((0.75 * 0.25 / 4 + 0.5 * 0.5 / 2) ** 0.5 / 2)
