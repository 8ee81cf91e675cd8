"""Draws what a run logged as one picture in its run folder; knows no stage and no loss."""

import csv
from collections import defaultdict
from pathlib import Path

Curve = list[tuple[int, float]]
"""(optimizer step, value), by step."""


def read_curves(folder: Path) -> dict[str, Curve]:
    """Every curve that Lightning's CSV logger left below a folder.

    A run that went on after an interruption has several files; where they overlap, the later one holds.
    """
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for path in sorted(folder.rglob("metrics.csv"), key=lambda path: (path.stat().st_mtime_ns, str(path))):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name, value in row.items():
                    if value and name not in ("step", "epoch"):
                        values[name][int(row["step"])] = float(value)
    return {name: sorted(steps.items()) for name, steps in sorted(values.items())}


def draw_curves(folder: Path, path: Path) -> bool:
    """Draw the losses of a run, training beside validation; False where it logged none.

    Args:
        folder: of the run.
        path: of the PNG file.
    """
    from matplotlib.figure import Figure

    curves = read_curves(folder)
    panels = {"training": "train/loss", "validation": "val/loss"}
    drawn = {title: {n: c for n, c in curves.items() if n.startswith(start)} for title, start in panels.items()}
    if not any(drawn.values()):
        return False
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (title, named) in zip(figure.subplots(1, 2), drawn.items(), strict=True):
        for name, curve in named.items():
            steps, values = zip(*curve, strict=True)
            axes.plot(steps, values, label=name.partition("/")[2], marker="o" if title == "validation" else None)
        axes.set_title(title)
        axes.set_xlabel("optimizer step")
        axes.set_ylabel("nats")
        if named:
            axes.legend()
    figure.savefig(path, dpi=150)
    return True
