"""Draws which classes a model takes for which."""

from model.bundle.svg import box, picture, shortened, text
from model.evaluation.evaluation import Evaluation

_LARGEST, _SMALLEST = 44, 8
_SIDE = 640
_HEAD = 64
_LEAST_FOR_NUMBERS = 26
_LISTED, _ROW, _BAR = 20, 22, 200


def draw_matrix(evaluation: Evaluation) -> str:
    """Return the confusion matrix as SVG; above 200 classes, the most frequent confusions."""
    if evaluation.confusion_matrix is None:
        return _draw_list(evaluation)
    return _draw_cells(evaluation.confusion_matrix, [one.name for one in evaluation.classes])


def _draw_cells(matrix: list[list[int]], names: list[str]) -> str:
    side = max(_SMALLEST, min(_LARGEST, _SIDE / len(names)))
    shown = [shortened(name) for name in names]
    size = min(12, side - 1)
    labels = 24 + max(map(len, shown)) * size * 0.6
    top = _HEAD + labels * 0.72 + 8
    parts = [
        text(16, 26, "Confusion matrix", "title"),
        text(16, 46, "Rows: labels. Columns: predictions. Shade: share of the row.", "muted"),
    ]
    if side < _LEAST_FOR_NUMBERS:
        parts.append(box((labels + 6, top), (len(names) * side, len(names) * side), "cell", 0.08))
    for i, (row, name) in enumerate(zip(matrix, shown, strict=True)):
        middle = top + (i + 0.5) * side
        parts.append(text(labels, middle + size * 0.35, name, anchor="end", size=size))
        parts.append(text(labels + 8 + (i + 0.5) * side, top - 6, name, size=size, turn=-45))
        parts += _row(row, i, names, side=side, left=labels + 6, top=top)
    width = max(labels + 6 + len(names) * side + labels * 0.72 + 16, 420)
    return picture(width, top + len(names) * side + 16, f"Confusion matrix of {len(names)} classes", parts)


def _row(row: list[int], i: int, names: list[str], *, side: float, left: float, top: float) -> list[str]:
    total = sum(row)
    parts = []
    has_room = side >= _LEAST_FOR_NUMBERS
    for j, count in enumerate(row):
        x, y, share = left + j * side, top + i * side, count / total if total else 0.0
        if count:
            hint = f"{names[i]} taken for {names[j]}: {count} of {total}"
            kind = "right" if i == j else "wrong"
            parts.append(box((x, y), (side - 1, side - 1), kind, 0.15 + 0.85 * share, hint))
        elif has_room:
            parts.append(box((x, y), (side - 1, side - 1), "cell", 0.08))
        if count and has_room:
            on = "on" if share > 0.4 else ""
            size = min(12, side / (0.6 * len(str(count)) + 0.4))
            parts.append(text(x + side / 2, y + side / 2 + 4, f"{count}", on, "middle", size=size))
    return parts


def _draw_list(evaluation: Evaluation) -> str:
    confusions = evaluation.confusions[:_LISTED]
    names = [f"{shortened(one.label)} → {shortened(one.predicted)}" for one in confusions]
    labels = 24 + max(map(len, names), default=0) * 7.2
    most = max((one.images for one in confusions), default=1)
    parts = [
        text(16, 26, "Most frequent confusions", "title"),
        text(16, 46, f"Label → prediction, of {len(evaluation.classes)} classes, in images.", "muted"),
    ]
    for number, (one, name) in enumerate(zip(confusions, names, strict=True)):
        y = _HEAD + number * _ROW
        parts.append(text(labels, y + 15, name, anchor="end"))
        parts.append(box((labels + 8, y + 4), (_BAR * one.images / most, _ROW - 8), "wrong"))
        parts.append(text(labels + 14 + _BAR * one.images / most, y + 15, f"{one.images}", "muted"))
    width = max(labels + _BAR + 80, 420)
    return picture(width, _HEAD + max(1, len(names)) * _ROW + 12, "Most frequent confusions", parts)
