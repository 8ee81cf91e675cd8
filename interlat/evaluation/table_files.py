"""A study's tables as files: Markdown, JSON and a picture each. Knows no command line."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interlat.evaluation.seed_results import SeedResults
from interlat.evaluation.seed_tables import Cell, FilledRow, comparisons, fill
from interlat.evaluation.table_chart import draw_table
from interlat.evaluation.table_markdown import markdown, power_of


def write_tables(results: SeedResults, out: Path, command: str, commit: str) -> dict[str, list[FilledRow]]:
    """Write every table of a study: ``<name>.md``, ``<name>.json`` and ``<name>.png``.

    Args:
        results: of the study's runs.
        out: folder for the files.
        command: that makes them.
        commit: of the library that makes them; the files also name those that played.

    Returns:
        The rows of each table, by name.
    """
    out.mkdir(parents=True, exist_ok=True)
    filled = {name: fill(table, results) for name, table in results.study.tables.items()}
    for name, rows in filled.items():
        played = ", ".join(f"`{of}`" for of in _commits(rows)) or "nothing yet"
        made_by = f"Made by `{command}` at commit `{commit}`. Episodes played at {played}."
        _write(out / f"{name}.md", markdown(name, results.study, rows, made_by))
        _write(out / f"{name}.json", json.dumps(_content(name, results, rows, command, commit), indent=2) + "\n")
        draw_table(results.study.tables[name].title, results.study, rows, out / f"{name}.png")
    return filled


def _content(name: str, results: SeedResults, rows: Sequence[FilledRow], command: str, commit: str) -> dict[str, Any]:
    """All numbers of a table; rates, shares and differences as shares of 1, times in seconds."""
    study = results.study
    return {
        "protocol_version": results.protocol_version,
        "command": command,
        "commit": commit,
        "commits_of_episodes": _commits(rows),
        "title": study.tables[name].title,
        "env": study.env,
        "step_cap": study.max_steps,
        "seeds": list(study.seeds),
        "games": {split: results.games(split) for split in study.splits},
        "comparisons": len(comparisons(rows)),
        "power": {split: power_of(split, rows) for split in study.splits},
        "rows": [
            {
                **asdict(row.row),
                "missing": list(row.missing),
                "splits": {split: None if cell is None else _numbers(cell) for split, cell in row.cells.items()},
            }
            for row in rows
        ],
    }


def _numbers(cell: Cell) -> Mapping[str, Any]:
    return {**asdict(cell), "ci95": list(cell.ci95), "commits": list(cell.commits)}


def _commits(rows: Sequence[FilledRow]) -> list[str]:
    return sorted({commit for row in rows for cell in row.cells.values() if cell for commit in cell.commits})


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
