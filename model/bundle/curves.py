"""Draws the loss and the accuracy of each epoch of a training."""

import math
from collections.abc import Sequence
from typing import Protocol

from model.bundle.svg import dot, line, picture, text

_WIDTH, _HEIGHT = 380, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 80, 44, 40
_TICKS = 5

Points = Sequence[tuple[int, float | None]]


class Epoch(Protocol):
    """The metrics of one epoch; those of validation images are None without such images."""

    @property
    def epoch(self) -> int: ...  # noqa: D102 - a number from 1
    @property
    def train_loss(self) -> float | None: ...  # noqa: D102
    @property
    def train_accuracy(self) -> float | None: ...  # noqa: D102
    @property
    def val_loss(self) -> float | None: ...  # noqa: D102
    @property
    def val_accuracy(self) -> float | None: ...  # noqa: D102


def draw_curves(epochs: Sequence[Epoch]) -> str:
    """Return the picture, as SVG; there is at least one epoch."""
    losses: list[Points] = [
        [(e.epoch, e.train_loss) for e in epochs],
        [(e.epoch, e.val_loss) for e in epochs],
    ]
    accuracies: list[Points] = [
        [(e.epoch, e.train_accuracy) for e in epochs],
        [(e.epoch, e.val_accuracy) for e in epochs],
    ]
    said = f"Loss and accuracy of {len(epochs)} epochs"
    parts = [*_panel(0, "Loss", losses), *_panel(_WIDTH, "Accuracy", accuracies, as_percent=True)]
    return picture(2 * _WIDTH, _HEIGHT, said, parts)


def _panel(left: float, title: str, curves: Sequence[Points], *, as_percent: bool = False) -> list[str]:
    shown = [[(x, y) for x, y in curve if y is not None and math.isfinite(y)] for curve in curves]
    values = [y for curve in shown for _, y in curve] or [0.0]
    last = max((x for curve in shown for x, _ in curve), default=1)
    ticks = _ticks(min(values), max(values), most=1.0 if as_percent else math.inf)
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        share_x = (x - 1) / (last - 1) if last > 1 else 0.5
        share_y = (y - ticks[0]) / (ticks[-1] - ticks[0])
        return left + _LEFT + share_x * inner_width, _TOP + (1 - share_y) * inner_height

    parts = [text(left + _LEFT, 24, title, "title")]
    for tick in ticks:
        _, y = place(1, tick)
        parts.append(line([(left + _LEFT, y), (left + _LEFT + inner_width, y)], "grid"))
        parts.append(
            text(left + _LEFT - 8, y + 4, f"{tick:.0%}" if as_percent else f"{tick:g}", "muted", "end")
        )
    parts += [
        text(place(epoch, ticks[0])[0], _HEIGHT - 20, f"{epoch}", "muted", "middle")
        for epoch in sorted({1, (1 + last) // 2, last})
    ]
    parts.append(text(left + _LEFT + inner_width / 2, _HEIGHT - 5, "epoch", "muted", "middle"))
    return parts + _lines([[place(*point) for point in curve] for curve in shown])


def _lines(curves: Sequence[Sequence[tuple[float, float]]]) -> list[str]:
    """Draw the curves of training and validation, each named at its end."""
    parts = []
    taken: float | None = None
    for curve, kind, name in zip(curves, ("first", "second"), ("training", "validation"), strict=True):
        if not curve:
            continue
        x, y = curve[-1]
        if taken is not None and abs(y - taken) < 14:
            y = taken + (14 if y >= taken else -14)
        taken = y
        parts += [line(curve, f"line {kind}"), dot(*curve[-1], kind), text(x + 7, y + 4, name, kind)]
    return parts


def _ticks(low: float, high: float, most: float) -> list[float]:
    """Return about five round numbers that enclose the values."""
    span = max(high - low, 1e-3)
    step = next(
        size
        for power in range(-4, 300)
        for size in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
        if span / size <= _TICKS
    )
    first, last = math.floor(low / step), math.ceil(min(high, most) / step)
    return [round(step * number, 10) for number in range(first, max(last, first + 1) + 1)]
