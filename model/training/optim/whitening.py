"""Whitens the input patches of the first convolution."""
# ruff: noqa: N803 - shapes in names: images_NCHW

import torch
from torch import Tensor
from torch.nn import functional

from model.network.resnet9 import ConvBlock, ResNet9

# Page's bag of tricks: whitening that is not endless where patches hardly vary.
_WHITENING_EPSILON = 1e-2
_NO_VARIANCE = 1e-4


class Whitening:
    """Trains the first convolution W as C·P, where P whitens the 3x3 patches of the training images.

    Page's extra layer without the layer: W starts as C·P, and its gradient is multiplied by PᵀP, which
    is what a step of C does to W.
    """

    def __init__(self, network: ResNet9, whitening_PP: Tensor) -> None:
        first = network.features[0]
        assert isinstance(first, ConvBlock)  # noqa: S101 - for the type checker
        self._weight = first.conv.weight
        self._whitening_PP = whitening_PP.to(self._weight)
        self._gram_PP = self._whitening_PP @ self._whitening_PP

    @torch.no_grad()
    def start(self) -> None:
        """Turn a freshly started C into W."""
        self._weight.copy_((self._weight.flatten(1) @ self._whitening_PP).view(self._weight.shape))

    @torch.no_grad()
    def precondition(self) -> None:
        """Turn W's gradient into what a step of C means for it."""
        gradient = self._weight.grad
        if gradient is not None:
            gradient.copy_((gradient.flatten(1) @ self._gram_PP).view(gradient.shape))


def whitening_matrix(images_NCHW: Tensor) -> Tensor:
    """The symmetric matrix [27, 27] that makes 3x3 patches of normalised images white."""
    patches_NPL = functional.unfold(images_NCHW, kernel_size=3)
    variances_P, axes_PP = torch.linalg.eigh(patches_NPL.transpose(0, 1).flatten(1).double().cov())
    # Where patches never vary (the colours of a grey set) the network stays blind, instead of being
    # left with random weights that a tinted image would set off.
    gains_P = torch.where(variances_P > _NO_VARIANCE, (variances_P + _WHITENING_EPSILON).rsqrt(), 0.0)
    return torch.mm(axes_PP * gains_P, axes_PP.T)
