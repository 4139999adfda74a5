import torch

from model.training.optim.muon import orthogonalise


def test_an_update_by_muon_has_singular_values_near_1() -> None:
    torch.manual_seed(0)
    for shape in ((16, 80), (80, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.shape == (16,)
        assert 0.5 < values.min() <= values.max() < 1.3
