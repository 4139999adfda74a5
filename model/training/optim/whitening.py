"""Trains the first convolution on whitened input patches: decorrelated and of unit variance.

From David Page's "How to train your ResNet" part 8 (bag of tricks), which adds a fixed whitening layer to the network.
Here the published network needs no such layer, see `Whitening`.
"""
# ruff: noqa: N803 - shapes in names: P = 27 numbers of a 3x3 RGB patch, L patches of an image

import torch
from torch import Tensor
from torch.nn import functional

from model.network.resnet9 import ConvBlock, ResNet9

_EPSILON = 1e-2
"""Page's value, added to the variances: bounds the gain in directions in which patches hardly vary."""
_NO_VARIANCE = 1e-4


class Whitening:
    """Trains the first convolution's weight W as W = C P, where the matrix P whitens 3x3 patches and C is trained.

    The network stores W only. W starts as C P with a freshly initialised C. With respect to C the gradient is G Pᵀ, where
    G is the gradient of W; so a step of C changes W by a multiple of G PᵀP, which replaces the gradient of W.
    """

    def __init__(self, network: ResNet9, whitening_PP: Tensor) -> None:
        first = network.features[0]
        assert isinstance(first, ConvBlock)  # noqa: S101 - for the type checker
        self._weight = first.conv.weight
        self._whitening_PP = whitening_PP.to(self._weight)
        self._gram_PP = self._whitening_PP @ self._whitening_PP  # P is symmetric: PᵀP = PP

    @torch.no_grad()
    def apply_to_weight(self) -> None:
        """Replace the freshly initialised weight C by C P."""
        self._weight.copy_((self._weight.flatten(1) @ self._whitening_PP).view(self._weight.shape))

    @torch.no_grad()
    def precondition_gradient(self) -> None:
        """Replace the weight's gradient G by G PᵀP."""
        gradient = self._weight.grad
        if gradient is not None:
            gradient.copy_((gradient.flatten(1) @ self._gram_PP).view(gradient.shape))


def whitening_matrix(images_NCHW: Tensor) -> Tensor:
    """Return the symmetric (ZCA) whitening matrix [27, 27] of the 3x3 patches of normalised images.

    With the patches' covariance E diag(v) Eᵀ it is E diag(1 / sqrt(v + epsilon)) Eᵀ.
    """
    patches_NPL = functional.unfold(images_NCHW, kernel_size=3)
    variances_P, eigenvectors_PP = torch.linalg.eigh(patches_NPL.transpose(0, 1).flatten(1).double().cov())
    # The gain is 0 in directions in which no patch varies, such as the colours of grey images. Otherwise random weights
    # would stay there untrained, and a tinted image would trigger them.
    gains_P = torch.where(variances_P > _NO_VARIANCE, (variances_P + _EPSILON).rsqrt(), 0.0)
    return torch.mm(eigenvectors_PP * gains_P, eigenvectors_PP.T)
