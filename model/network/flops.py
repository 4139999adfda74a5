"""Counts the floating-point operations of training ResNet9 on one image; nothing is measured."""

_CONVOLUTIONS = (
    (3, 64, 1),
    (64, 128, 1),
    (128, 128, 2),
    (128, 128, 2),
    (128, 256, 2),
    (256, 512, 4),
    (512, 512, 8),
    (512, 512, 8),
)
"""For each convolution: input channels, output channels, and the factor by which earlier pools reduced the image side."""
_FORWARD_AND_BACKWARD = 3
"""The backward pass computes two gradients, of the input and of the weights, each as expensive as the forward pass:
Kaplan et al., arXiv 2001.08361, section 2.1, and PyTorch's `torch.utils.flop_counter` count the same way."""


def training_flop(side: int) -> float:
    """Return the floating-point operations of one forward and backward pass over an image of `side` x `side` pixels.

    A 3x3 convolution takes 9 * C_in * C_out multiply-adds per output pixel, and a multiply-add is two operations.
    Batch norm, activations, pools and the head are ignored: together they are below 1 %.
    """
    multiply_adds = sum(9 * c_in * c_out * (side // divisor) ** 2 for c_in, c_out, divisor in _CONVOLUTIONS)
    return _FORWARD_AND_BACKWARD * 2.0 * multiply_adds
