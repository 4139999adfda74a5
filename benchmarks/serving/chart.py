"""Draws the requests per second of the servers over the concurrency, as an SVG beside the file.

    python -m benchmarks.serving.chart docs/predictions.jsonl

One panel for each image size; a bar is the median of the rounds, and the number on it says how often LitServe's rate it is.
"""

import argparse
import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_PANEL_INCHES = (7.5, 3.2)
_SERVERS = {
    "Ninefold": ("Ninefold, int8", "#1f6f5c"),
    "Ninefold, float32": ("Ninefold, float32", "#74b5a2"),
    "LitServe": ("LitServe, the better of two settings", "#b0772d"),
    "BentoML": ("BentoML", "#9a9a9a"),
}
"""The label and the colour of each server: dark enough on white, and different in grey."""
_WIDTH = 0.8

Rates = dict[int, dict[str, float]]
"""The median requests per second by concurrency and server."""


def rates_by_size(lines: list[dict[str, Any]]) -> dict[int, Rates]:
    """Return the rates of each image size; LitServe has the better one of its settings."""
    rounds: defaultdict[tuple[int, int, str], list[float]] = defaultdict(list)
    for line in lines:
        rounds[line["image_size"], line["concurrency"], line["server"]].append(line["requests_per_s"])
    found: dict[int, Rates] = {}
    for (size, concurrency, server), rates in sorted(rounds.items()):
        name = "LitServe" if server.startswith("LitServe") else server
        known = found.setdefault(size, {}).setdefault(concurrency, {})
        known[name] = max(known.get(name, 0.0), statistics.median(rates))
    return found


def draw(lines: list[dict[str, Any]]) -> Figure:
    """Return a figure with one panel per image size, from top to bottom."""
    sizes = rates_by_size(lines)
    width, height = _PANEL_INCHES
    figure = Figure((width, height * len(sizes)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(sizes), squeeze=False)[:, 0]
    for panel, (size, rates) in zip(panels, sizes.items(), strict=True):
        panel.set_title(f"POST /predict, images of {size} px", loc="left")
        panel.set_xlabel("concurrent requests")
        panel.set_ylabel("requests/s")
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_xticks(range(len(rates)), [str(concurrency) for concurrency in rates])
        panel.margins(y=0.12)  # for the numbers on the bars
        _draw_bars(panel, rates)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=8
    )
    return figure


def _draw_bars(panel: Axes, rates: Rates) -> None:
    servers = [server for server in _SERVERS if any(server in known for known in rates.values())]
    for number, server in enumerate(servers):
        label, colour = _SERVERS[server]
        step = _WIDTH / len(servers)
        places = [index - _WIDTH / 2 + (number + 0.5) * step for index in range(len(rates))]
        heights = [known.get(server, 0.0) for known in rates.values()]
        bars = panel.bar(places, heights, step * 0.92, label=label, color=colour)
        ratios = [
            f"{height / known['LitServe']:.1f} x"
            if height and server != "LitServe" and "LitServe" in known
            else ""
            for height, known in zip(heights, rates.values(), strict=True)
        ]
        panel.bar_label(bars, ratios, fontsize=7, padding=1)


def main() -> None:
    """Write the SVG."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving.chart",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lines", type=Path, help="a file that benchmarks.serving.predict --results wrote")
    file = parser.parse_args().lines
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    draw(lines).savefig(file.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
