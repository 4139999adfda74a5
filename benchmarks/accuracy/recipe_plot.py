"""Draws a recipe study: accuracy against what it cost, `python -m benchmarks.accuracy.recipe_plot docs/recipe-study.jsonl`.

One picture beside the file, a panel for each setting: every run as a dot, the mean of a recipe as its name.
"""

import argparse
import math
import statistics
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.accuracy.recipes import by_setting
from benchmarks.accuracy.runs import read_lines

_PANEL_INCHES = (7.0, 5.0)
_LINES = 30
"""Of text, on top of each other, that a panel has room for."""
_ASIDE = 25
"""Points from a dot to its name."""


def draw(lines: list[dict[str, Any]]) -> Figure:
    """A figure of all settings, one below the other."""
    settings = by_setting(lines)
    width, height = _PANEL_INCHES
    figure = Figure((width, height * len(settings)), layout="constrained")
    panels = figure.subplots(len(settings), squeeze=False)[:, 0]
    for panel, (title, recipes) in zip(panels, settings, strict=True):
        panel.set_title(title.replace("`", ""), loc="left")
        panel.set_xlabel("PFLOP of training images")
        panel.set_ylabel("validation accuracy, %")
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.3)
        means = {}
        for name, runs in recipes.items():
            cost = [sum(run["image_pflop"].values()) for run in runs.values()]
            accuracy = [100 * run["accuracy"] for run in runs.values()]
            panel.scatter(cost, accuracy, s=14, alpha=0.5)
            means[name] = (statistics.fmean(cost), statistics.fmean(accuracy))
        low, high = panel.get_ylim()
        heights = spread([accuracy for _, accuracy in means.values()], (high - low) / _LINES)
        for (name, mean), height in zip(means.items(), heights, strict=True):
            panel.annotate(
                name,
                mean,
                (_ASIDE, height),
                textcoords=("offset points", "data"),
                fontsize=8,
                va="center",
                arrowprops={"arrowstyle": "-", "linewidth": 0.4, "alpha": 0.5},
            )
    return figure


def spread(heights: list[float], gap: float) -> list[float]:
    """The same heights in their order, moved down where they would be nearer to each other than the gap."""
    moved, last = list(heights), math.inf
    for place in sorted(range(len(heights)), key=heights.__getitem__, reverse=True):
        moved[place] = last = min(heights[place], last - gap)
    return moved


def main() -> None:
    """Draw into an SVG beside the lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.recipe_plot", description=__doc__)
    parser.add_argument("lines", type=Path, help="what benchmarks.accuracy.recipes wrote")
    lines = parser.parse_args().lines
    draw(read_lines(lines)).savefig(lines.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
