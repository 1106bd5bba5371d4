"""Draws each figure of target/bench/report.json against its goal: how far it is reached, as report.svg and report.png beside it."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


def reached(figure: dict, value: float) -> float | None:
    """Gives how far a goal is reached: 1 is just so, more is better. Where there is no ratio, since the goal or the value is 0 or less, 10 or 0.1."""
    if figure["at_least"] is not None:
        return value / figure["at_least"] if figure["at_least"] > 0 < value else 0.1
    if figure["at_most"] is not None:
        if figure["at_most"] > 0 < value:
            return figure["at_most"] / value
        return 10 if value <= figure["at_most"] else 0.1
    return None


def main(report: Path) -> None:
    figures = json.loads(report.read_text(encoding="utf-8"))["figures"]
    figures = [figure for figure in figures if reached(figure, figure["value"]) is not None][::-1]
    values = [reached(figure, figure["value"]) for figure in figures]
    # The ends are the other way round where less is better.
    ends = [sorted((reached(figure, figure["low"]) or value, reached(figure, figure["high"]) or value))
            for figure, value in zip(figures, values, strict=True)]
    errors = [[max(0, value - low) for value, (low, _) in zip(values, ends, strict=True)],
              [max(0, high - value) for value, (_, high) in zip(values, ends, strict=True)]]
    labels = [f"{figure['metric']}  {figure['name']}" for figure in figures]
    colours = ["#2f7d4f" if value >= 1 else "#b3402a" for value in values]
    plot, axes = plt.subplots(figsize=(12, 1.2 + 0.3 * len(figures)), layout="constrained")
    axes.barh(labels, values, color=colours, xerr=errors, error_kw={"linewidth": 0.8, "ecolor": "#555555"})
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("how far the goal is reached (1: just so; the line: least to greatest of the turns)")
    axes.tick_params(axis="y", labelsize=8)
    for kind in ("svg", "png"):
        path = report.with_name(f"report.{kind}")
        plot.savefig(path, dpi=150)
        print(f"the plot is {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
