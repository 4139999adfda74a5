"""Draws the accuracy of a recipe study over its PFLOP, as an SVG beside the file.

    python -m benchmarks.accuracy.recipe_plot docs/recipe-study.jsonl

One panel for each setting; each run is a dot, and the name of a variant points at the mean of its runs.
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
"""The number of text lines that fit into the height of a panel."""
_NAME_OFFSET = 25
"""Points from a dot to its name."""


def draw(lines: list[dict[str, Any]]) -> Figure:
    """Return a figure with one panel per setting, from top to bottom."""
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
            pflop = [sum(run["image_pflop"].values()) for run in runs.values()]
            accuracy = [100 * run["accuracy"] for run in runs.values()]
            panel.scatter(pflop, accuracy, s=14, alpha=0.5)
            means[name] = (statistics.fmean(pflop), statistics.fmean(accuracy))
        low, high = panel.get_ylim()
        heights = spread([accuracy for _, accuracy in means.values()], (high - low) / _LINES)
        for (name, mean), height in zip(means.items(), heights, strict=True):
            panel.annotate(
                name,
                mean,
                (_NAME_OFFSET, height),
                textcoords=("offset points", "data"),
                fontsize=8,
                va="center",
                arrowprops={"arrowstyle": "-", "linewidth": 0.4, "alpha": 0.5},
            )
    return figure


def spread(heights: list[float], gap: float) -> list[float]:
    """Move heights down until neighbours are at least `gap` apart; keeps their order."""
    moved, last = list(heights), math.inf
    for index in sorted(range(len(heights)), key=heights.__getitem__, reverse=True):
        moved[index] = last = min(heights[index], last - gap)
    return moved


def main() -> None:
    """Write the SVG."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.recipe_plot",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lines", type=Path, help="a file written by benchmarks.accuracy.recipes")
    lines = parser.parse_args().lines
    draw(read_lines(lines)).savefig(lines.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
