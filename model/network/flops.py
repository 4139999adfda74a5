"""What an image costs: counted, not measured."""

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
"""Channels in, channels out, and by what the side has been divided before."""


def training_flop(side: int) -> float:
    """Floating-point operations of one training image of so many pixels a side.

    Two for each multiply-add of the convolutions forward, and twice that backward; the rest is not worth counting.
    """
    multiply_adds = sum(9 * fewer * more * (side // divisor) ** 2 for fewer, more, divisor in _CONVOLUTIONS)
    return 3 * 2.0 * multiply_adds
