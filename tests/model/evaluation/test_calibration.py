import pytest
import torch

from model.evaluation.calibration import calibration_error, fit_temperature, held_out_calibration_error


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_fit_finds_the_temperature_that_the_labels_were_drawn_with(true_temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits_NK = 3 * torch.randn(20_000, 5, generator=generator)
    labels_N = torch.multinomial((logits_NK / true_temperature).softmax(1), 1, generator=generator)[:, 0]
    temperature = fit_temperature(logits_NK, labels_N)
    assert temperature == pytest.approx(true_temperature, rel=0.05)
    assert held_out_calibration_error(logits_NK, labels_N) < 0.02
    if true_temperature != 1:
        assert calibration_error(logits_NK, labels_N) > 0.04


@pytest.mark.parametrize("sign", [1, -1])
def test_a_few_images_that_are_all_right_or_all_wrong_move_scores_little(sign: int) -> None:
    margin = torch.tensor(0.6).logit()
    logits_NK = sign * margin * torch.tensor([[1.0, 0.0], [0.0, 1.0]] * 2)
    temperature = fit_temperature(logits_NK, torch.tensor([0, 1] * 2))
    assert (temperature < 1) == (sign == 1)
    assert 0.55 < (margin / temperature).sigmoid() < 0.65


def test_without_images_scores_stay_as_they_are() -> None:
    assert fit_temperature(torch.empty(0, 3), torch.empty(0, dtype=torch.int64)) == pytest.approx(1)


def test_the_error_after_calibration_is_of_images_that_did_not_fit_the_temperature() -> None:
    """Few images say little about the temperature of others: their own error alone would look better than it is."""
    generator = torch.Generator().manual_seed(0)
    fitted, held_out = 0.0, 0.0
    for _ in range(30):
        logits_NK = 3 * torch.randn(20, 5, generator=generator)
        labels_N = torch.multinomial((logits_NK / 4).softmax(1), 1, generator=generator)[:, 0]
        fitted += calibration_error(logits_NK / fit_temperature(logits_NK, labels_N), labels_N)
        held_out += held_out_calibration_error(logits_NK, labels_N)
    assert held_out > fitted
    assert 0 <= held_out_calibration_error(torch.zeros(1, 2), torch.tensor([0])) <= 1
