"""Muon (Jordan et al. 2024, as in airbench94_muon): convolutions move by their momentum made orthogonal."""
# ruff: noqa: N803 - shapes in names

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_STEPS = 3
_A, _B, _C = 3.4445, -4.775, 2.0315
"""Of the quintic iteration: they bring every singular value near 1 in few steps, not exactly to it."""
_EPSILON = 1e-7


class Muon(torch.optim.SGD):
    """SGD, but for the groups that say `is_orthogonal`: those are filters [out, in, height, width]."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Move everything once."""
        for group in self.param_groups:
            if group.get("is_orthogonal"):
                for weight in group["params"]:
                    self._move(weight, group["lr"], group["momentum"])
        return super().step(closure)

    def _move(self, weight: Tensor, learning_rate: float | Tensor, keep: float) -> None:
        gradient, state = weight.grad, self.state[weight]
        if gradient is None:
            return
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        momentum = state["momentum_buffer"].mul_(keep).add_(gradient)
        direction = gradient.add(momentum, alpha=keep)
        weight.mul_(len(weight) ** 0.5 / weight.norm())
        weight.sub_(orthogonalise(direction.flatten(1)).mul_(learning_rate).view_as(weight))
        weight.grad = None  # SGD has nothing left to do here


def orthogonalise(matrix_OI: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all 1, by Newton-Schulz steps X ← (a + b·XXᵀ + c·(XXᵀ)²)·X.

    Each step multiplies X from the left by a polynomial of XXᵀ, which is far smaller than X: so all steps are made there,
    and X is multiplied once, by their product. That halves the time of a wide matrix.
    """
    X: Tensor = matrix_OI / (matrix_OI.norm() + _EPSILON)
    is_tall = X.shape[0] > X.shape[1]
    X = X.T if is_tall else X
    gram_OO = torch.mm(X, X.T)
    product_OO = factor_OO = _factor(gram_OO)
    for _ in range(_STEPS - 1):
        gram_OO = torch.mm(factor_OO, torch.mm(gram_OO, factor_OO))
        factor_OO = _factor(gram_OO)
        product_OO = torch.mm(factor_OO, product_OO)
    X = torch.mm(product_OO, X)
    return X.T if is_tall else X


def _factor(gram_OO: Tensor) -> Tensor:
    """a + b·G + c·G²."""
    factor_OO = torch.addmm(gram_OO, gram_OO, gram_OO, beta=_B, alpha=_C)
    factor_OO.diagonal().add_(_A)
    return factor_OO
