import numpy as np
import pytest
import torch

from model.evaluation.label_errors import find_label_errors
from model.evaluation.training_predictions import TrainingPredictions

CLASSES, IMAGES, WRONG = 4, 400, 40


def predictions_with_wrong_labels(seed: int) -> tuple[torch.Tensor, torch.Tensor, set[int]]:
    """Return probabilities of a good network, labels of which a tenth is wrong, and the indices of the wrong ones."""
    random = np.random.default_rng(seed)
    true_N = torch.from_numpy(random.integers(CLASSES, size=IMAGES))
    logits_NK = torch.from_numpy(random.normal(size=(IMAGES, CLASSES)))
    logits_NK[torch.arange(IMAGES), true_N] += 6
    wrong = random.choice(IMAGES, WRONG, replace=False)
    labels_N = true_N.clone()
    labels_N[wrong] = (labels_N[wrong] + 1) % CLASSES
    return logits_NK.softmax(1), labels_N, set(wrong.tolist())


@pytest.mark.parametrize("seed", range(3))
def test_wrong_labels_come_first_with_the_right_class(seed: int) -> None:
    probabilities_NK, labels_N, wrong = predictions_with_wrong_labels(seed)
    suspects = find_label_errors(probabilities_NK, labels_N)
    first = suspects[:WRONG]
    assert len({suspect.index for suspect in first} & wrong) >= 0.9 * WRONG
    assert all((s.label - s.suggested) % CLASSES == 1 for s in first if s.index in wrong)
    margins = [suspect.margin for suspect in suspects]
    assert margins == sorted(margins)
    assert all(-1 <= margin <= -0.2 for margin in margins)


def test_labels_that_the_network_agrees_with_are_no_suspects() -> None:
    probabilities_NK, labels_N, wrong = predictions_with_wrong_labels(0)
    right_N = torch.tensor([index not in wrong for index in range(IMAGES)])
    suspects = find_label_errors(probabilities_NK[right_N], labels_N[right_N])
    assert len(suspects) <= 0.03 * IMAGES


def test_without_images_there_are_no_suspects() -> None:
    assert find_label_errors(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == []


def test_a_class_without_images_is_never_suggested() -> None:
    probabilities_NK = torch.tensor([[0.2, 0.1, 0.7], [0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])
    assert find_label_errors(probabilities_NK, torch.tensor([0, 0, 1])) == []


def test_the_mean_over_the_epochs_counts_only_the_epochs_that_saw_the_image() -> None:
    kept = TrainingPredictions(3, 2, torch.device("cpu"))
    kept.add(torch.tensor([0, 2]), torch.tensor([[9.0, -9.0], [0.0, 0.0]]))
    kept.add(torch.tensor([0]), torch.tensor([[-9.0, 9.0]]))
    expected = [[0.5, 0.5], [0.0, 0.0], [0.5, 0.5]]
    torch.testing.assert_close(kept.mean_probabilities(), torch.tensor(expected))


def test_a_checkpoint_continues_the_means_and_one_of_an_earlier_version_begins_anew() -> None:
    kept, resumed = (TrainingPredictions(2, 2, torch.device("cpu")) for _ in range(2))
    kept.add(torch.tensor([1]), torch.tensor([[2.0, 0.0]]))
    resumed.load(kept.tensors())
    assert torch.equal(resumed.mean_probabilities(), kept.mean_probabilities())
    resumed.load({})
    assert torch.equal(resumed.mean_probabilities(), kept.mean_probabilities())


def test_a_training_with_too_many_images_and_classes_keeps_nothing() -> None:
    large = TrainingPredictions(2**20, 17, torch.device("cpu"))
    large.add(torch.tensor([5]), torch.zeros(1, 17))
    assert large.tensors() == {}
    assert len(large.mean_probabilities()) == 0
