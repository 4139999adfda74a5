# ruff: noqa: N803 - shapes in names
import pytest
import torch
from torch import Tensor, nn

from model.device.device import open_device
from model.evaluation.calibration import calibration_error, fit_temperature
from model.evaluation.predictions import predict_logits, score, wilson_interval
from model.network.normalisation import Normalisation


class LeftAndRight(nn.Module):
    """Two scores: the brightness of the left and of the right half."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        left, right = images_NCHW.chunk(2, dim=3)
        return torch.stack([left.mean((1, 2, 3)), right.mean((1, 2, 3))], 1)


def test_scores_loss_accuracy_and_balanced_accuracy() -> None:
    logits_NK = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    judged = score(logits_NK, torch.tensor([0, 0, 0, 1]))
    assert judged.accuracy == 0.75
    # Class 2 does not occur and does not count.
    assert judged.balanced_accuracy == 0.5
    assert judged.loss == pytest.approx(
        nn.functional.cross_entropy(logits_NK, torch.tensor([0, 0, 0, 1])).item()
    )


def test_flips_average_an_image_with_its_mirror_image() -> None:
    images_NHWC = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    images_NHWC[:, :, :8] = 200
    device, plain = open_device("cpu", 1), Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    one = predict_logits(LeftAndRight(), images_NHWC, plain, device)
    two = predict_logits(LeftAndRight(), images_NHWC, plain, device, with_flips=True)
    torch.testing.assert_close(one, torch.tensor([[200 / 255, 0.0]] * 2))
    torch.testing.assert_close(two, torch.full((2, 2), 100 / 255))


@pytest.mark.parametrize(
    ("accuracy", "count", "low", "high"),
    [(0.5, 100, 0.4038, 0.5962), (0.9, 1000, 0.8799, 0.9171), (1.0, 20, 0.8389, 1.0), (0.0, 20, 0.0, 0.1611)],
)
def test_wilson_interval(accuracy: float, count: int, low: float, high: float) -> None:
    assert wilson_interval(accuracy, count) == pytest.approx((low, high), abs=2e-4)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_finds_the_temperature_that_labels_were_drawn_with(true_temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits_NK = 3 * torch.randn(20_000, 5, generator=generator)
    labels_N = torch.multinomial((logits_NK / true_temperature).softmax(1), 1, generator=generator)[:, 0]
    temperature = fit_temperature(logits_NK, labels_N)
    assert temperature == pytest.approx(true_temperature, rel=0.05)
    assert calibration_error(logits_NK, labels_N, temperature) < 0.02
    if true_temperature != 1:
        assert calibration_error(logits_NK, labels_N, 1.0) > 0.04


def test_few_images_all_right_do_not_make_the_temperature_vanish() -> None:
    logits_NK = torch.tensor([[5.0, 0.0], [0.0, 5.0]])
    assert 0.1 <= fit_temperature(logits_NK, torch.tensor([0, 1])) < 1
