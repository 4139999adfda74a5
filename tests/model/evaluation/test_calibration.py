import pytest
import torch

from model.evaluation.calibration import calibration_error, fit_temperature


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_fit_finds_the_temperature_that_the_labels_were_drawn_with(true_temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits_NK = 3 * torch.randn(20_000, 5, generator=generator)
    labels_N = torch.multinomial((logits_NK / true_temperature).softmax(1), 1, generator=generator)[:, 0]
    temperature = fit_temperature(logits_NK, labels_N)
    assert temperature == pytest.approx(true_temperature, rel=0.05)
    assert calibration_error(logits_NK, labels_N, temperature) < 0.02
    if true_temperature != 1:
        assert calibration_error(logits_NK, labels_N, 1.0) > 0.04


def test_the_temperature_keeps_its_lower_limit_when_all_of_a_few_images_are_right() -> None:
    logits_NK = torch.tensor([[5.0, 0.0], [0.0, 5.0]])
    assert 0.1 <= fit_temperature(logits_NK, torch.tensor([0, 1])) < 1
