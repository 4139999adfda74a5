"""Muon: SGD whose update of each convolution is the momentum, replaced by the nearest orthogonal matrix.

Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (kellerjordan.github.io/posts/muon, 2024;
github.com/KellerJordan/Muon), in the variant for convolutions of airbench94_muon (KellerJordan/cifar10-airbench).
"""
# ruff: noqa: N803 - shapes in names: O output channels, I = input channels x height x width

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model.training.optim.sgd import Sgd

_STEPS = 3
_A, _B, _C = 3.4445, -4.775, 2.0315
"""Jordan's coefficients of the quintic Newton-Schulz iteration: after few steps all singular values are near 1, not
exactly 1."""
_EPSILON = 1e-7


class Muon(Sgd):
    """Muon for the parameter groups with `uses_muon`, which hold filters [out, in, height, width]; SGD for all others."""

    def _update(self, group: Mapping[str, Any]) -> None:
        if not group.get("uses_muon"):
            super()._update(group)
            return
        for weight in group["params"]:
            if weight.grad is not None:
                self._orthogonal_update(weight, weight.grad, group["lr"], group["momentum"])

    def _orthogonal_update(
        self, weight: Tensor, gradient: Tensor, learning_rate: float | Tensor, momentum: float
    ) -> None:
        buffer = self._momentum_buffer(weight).mul_(momentum).add_(gradient)
        nesterov = gradient.add(buffer, alpha=momentum)
        # As airbench: the filters keep a Frobenius norm of sqrt(number of filters).
        weight.mul_(len(weight) ** 0.5 / weight.norm())
        weight.sub_(orthogonalise(nesterov.flatten(1)).mul_(learning_rate).view_as(weight))


def orthogonalise(matrix_OI: Tensor) -> Tensor:
    """Approximate the orthogonal matrix nearest to a matrix X, by Newton-Schulz steps X <- (a + b XXᵀ + c (XXᵀ)²) X.

    Each step multiplies X from the left by a polynomial of XXᵀ, which is much smaller than a wide X. So the steps are
    computed on XXᵀ alone, and X is multiplied once, by the product of the polynomials: half the time for a wide matrix.
    """
    X: Tensor = matrix_OI / (matrix_OI.norm() + _EPSILON)
    is_tall = X.shape[0] > X.shape[1]
    X = X.T if is_tall else X
    gram_OO = torch.mm(X, X.T)
    product_OO = factor_OO = _polynomial(gram_OO)
    for _ in range(_STEPS - 1):
        gram_OO = torch.mm(factor_OO, torch.mm(gram_OO, factor_OO))
        factor_OO = _polynomial(gram_OO)
        product_OO = torch.mm(factor_OO, product_OO)
    X = torch.mm(product_OO, X)
    return X.T if is_tall else X


def _polynomial(gram_OO: Tensor) -> Tensor:
    """Return a + b G + c G²."""
    factor_OO = torch.addmm(gram_OO, gram_OO, gram_OO, beta=_B, alpha=_C)
    factor_OO.diagonal().add_(_A)
    return factor_OO
