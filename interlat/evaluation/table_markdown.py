"""A study's table as GitHub shows it: the paper's columns first, then each split against the first row. Knows no files."""

from collections.abc import Sequence

from interlat.evaluation.paired import Interval
from interlat.evaluation.power import power_line
from interlat.evaluation.seed_tables import Cell, FilledRow, Versus, comparisons
from interlat.evaluation.study import SplitName, Study

MISSING = "missing"
NOTHING = "-"


def markdown(name: str, study: Study, rows: Sequence[FilledRow], made_by: str) -> str:
    """A whole page.

    Args:
        name: of the table within the study.
        study: it belongs to.
        rows: filled in; the first is the one that others are compared with.
        made_by: command and commits, in words.
    """
    title = study.tables[name].title
    parts = [f"# {title}", _what_it_is(study, rows), _overview(study, rows)]
    for split in study.splits:
        parts += [f"## {split.capitalize()} {_things(study)}, against {rows[0].row.label}", _against(split, rows)]
        parts += [line for line in [power_of(split, rows)] if line]
    parts += [_how_to_read(rows), _missing(rows), made_by]
    return "\n\n".join(part for part in parts if part) + "\n"


def power_of(split: SplitName, rows: Sequence[FilledRow]) -> str:
    """What the games of a split cannot show; empty where nothing is compared."""
    games = [cell.games for cell in (row.cells[split] for row in rows) if cell is not None and cell.versus_first]
    return power_line(games[0]) if games else ""


def _what_it_is(study: Study, rows: Sequence[FilledRow]) -> str:
    cells = {split: next((row.cells[split] for row in rows if row.cells[split]), None) for split in study.splits}
    games = " and ".join(f"{cell.games} {split}" for split, cell in cells.items() if cell is not None)
    seeds = sorted({seed for row in rows for cell in row.cells.values() if cell for seed in cell.by_seed})
    steps = "" if study.compares_methods else f"; at most {study.max_steps} steps"
    of_steps = "" if study.compares_methods else " Steps: mean of won games / of all."
    return (
        f"{_things(study).capitalize()} of `{study.env}`: {games}{steps}. Training seeds: {_listed(seeds)}. "
        f"Success: mean ± standard deviation over seeds.{of_steps}"
    )


def _things(study: Study) -> str:
    return "problems" if study.compares_methods else "games"


def _overview(study: Study, rows: Sequence[FilledRow]) -> str:
    columns = ("success %",) if study.compares_methods else ("success %", "steps")
    heading = [
        f"{split}, {columns[0]}" if place == 0 else name for split in study.splits for place, name in enumerate(columns)
    ]
    return _table(
        ("", *heading),
        [
            [row.row.label, *(text for cell in row.cells.values() for text in _success_and_steps(cell)[: len(columns)])]
            for row in rows
        ],
    )


def _success_and_steps(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return MISSING, NOTHING
    spread = "" if cell.sd is None else f" ± {100 * cell.sd:.1f}"
    return f"{100 * cell.success_rate:.1f}{spread}", f"{_steps(cell.steps_success)}/{_steps(cell.steps_all)}"


def _against(split: SplitName, rows: Sequence[FilledRow]) -> str:
    cells = [row.cells[split] for row in rows]
    sizes = sorted({size for cell in cells if cell for size in cell.message_time})
    times = tuple(f"s/message, batch {size}" for size in sizes) or ("s/message",)
    heading = ("", "seeds", "success % [95 %]", *times, "Δ [games]", "Δ [games and seeds]", "p", "p, Holm", "visible")
    return _table(heading, [[row.row.label, *_compared(row.cells[split], sizes)] for row in rows])


def _compared(cell: Cell | None, sizes: Sequence[int]) -> list[str]:
    if cell is None:
        return ["0", MISSING, *[NOTHING] * (max(1, len(sizes)) + 5)]
    low, high = cell.ci95
    measured = [f"{cell.message_time[size]:.3g}" if size in cell.message_time else NOTHING for size in sizes]
    return [
        str(len(cell.by_seed)),
        f"{100 * cell.success_rate:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        *(measured or [f"{cell.message_seconds:.3g}"]),
        *_difference(cell.versus_first),
    ]


def _difference(versus: Versus | None) -> list[str]:
    if versus is None:
        return [NOTHING] * 5
    with_seeds = NOTHING if versus.with_seeds is None else _ends(versus.with_seeds)
    shown = f"{100 * versus.difference.estimate:+.1f} {_ends(versus.difference)}"
    visible = versus.visible if len(versus.seeds) == 1 else versus.visible_mean
    seen = NOTHING if not visible else f"{100 * visible:.1f}"
    return [shown, with_seeds, f"{versus.p:.2g}", f"{versus.p_holm:.2g}", seen]


def _how_to_read(rows: Sequence[FilledRow]) -> str:
    asked = len(comparisons(rows))
    if not asked:
        return ""
    measured = any(cell.message_time for row in rows for cell in row.cells.values() if cell)
    time = (
        "by the sender alone, warm (`interlat-ablate`)" if measured else "while playing, a batch's time shared equally"
    )
    return (
        "[95 %]: Wilson interval with games as n, whatever the number of seeds. Δ: points against the first row on the same games "
        "and seeds; its intervals are paired bootstraps over games, and over games and seeds. p: exact sign-flip test over the games' "
        "mean differences, of these trained agents; the McNemar test of each seed is in the JSON file. "
        f"p, Holm: corrected for the {asked} comparisons of this table; the chance that any of those below 0.05 is a false alarm is at "
        f"most 5 %. If nothing differed, {0.05 * asked:.1f} uncorrected ones would be expected there. "
        "visible: points that these games and seeds would show 4 times in 5 (normal "
        f"approximation for several seeds). s/message: {time}."
    )


def _missing(rows: Sequence[FilledRow]) -> str:
    labels: dict[str, list[str]] = {}  # of the rows that want the same thing, which is often a whole run
    for row in rows:
        for each in row.missing:
            labels.setdefault(each, []).append(row.row.label)
    lines = [f"- {each} ({', '.join(of)})" for each, of in labels.items()]
    return "Missing, and counted nowhere:\n\n" + "\n".join(lines) if lines else ""


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    aligned = ["---", *["---:"] * (len(heading) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, aligned, *rows))


def _ends(interval: Interval) -> str:
    return f"[{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"


def _steps(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
