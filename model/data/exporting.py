"""Writes sample images of a dataset as PNG files."""

from collections.abc import Sequence
from pathlib import Path

from model.data.images import MAX_SIDE
from model.data.opening import open_dataset
from model.data.split import SplitName
from model.storage.interface import Storage


def export_images(
    dataset: str, split: SplitName, count: int, out_dir: Path, *, storage: Storage, cache_dir: Path
) -> list[Path]:
    """Write `count` images of a split to `out_dir` and return their paths.

    The images are spread evenly over the classes: the first image of each class, then the second of each class,
    and so on. The n-th image of a class, counted from 0, is written to `<class>_<n>.png`.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    with open_dataset(dataset, storage, cache_dir) as opened:
        images = opened.train if split == "train" else opened.test
        for number, index in _choose_evenly(images.labels, count):
            path = out_dir / f"{opened.facts.classes[images.labels[index]]}_{number}.png"
            images.read(index, MAX_SIDE).save(path)
            written.append(path)
    return written


def _choose_evenly(labels: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Choose `count` images evenly over the classes; return each one's (number within its class, index)."""
    seen: dict[int, int] = {}
    turns = []
    for index, label in enumerate(labels):
        seen[label] = seen.get(label, -1) + 1
        turns.append((seen[label], label, index))
    return [(number, index) for number, _, index in sorted(turns)[:count]]
