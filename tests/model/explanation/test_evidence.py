"""The evidence for a class, computed by hand."""

import numpy as np
import pytest

from model.explanation.evidence import evidence_of


def test_the_product_of_a_channel_is_at_its_first_maximum_with_weights_relative_to_their_mean() -> None:
    features = np.array([[[1, 4], [0, 4]], [[0, 0], [5, 1]], [[0, 0], [0, 0]]], np.float32)
    head = np.array([[3, -1, 9], [1, 1, 0]], np.float32)  # the means are 2, 0 and 4.5
    assert evidence_of(features, head, 0).tolist() == [[0, 4], [-5, 0]]
    assert evidence_of(features, head, 1).tolist() == [[0, -4], [5, 0]]


@pytest.mark.parametrize("label", [0, 1, 4])
def test_the_evidence_sums_to_the_logit_minus_the_mean_logit(label: int) -> None:
    random = np.random.default_rng(0)
    features = random.random((40, 3, 5), np.float32) * 20
    head = random.standard_normal((5, 40)).astype(np.float32)
    logits = head @ features.max(axis=(1, 2))
    evidence = evidence_of(features, head, label)
    assert evidence.shape == (3, 5)
    assert evidence.sum() == pytest.approx(logits[label] - logits.mean(), abs=1e-3)
