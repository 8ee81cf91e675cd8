"""Tables of results for a terminal: a row a condition, and a column a condition by kind of task.

Makes rich tables and prints nothing. Knows no files.
"""

from collections.abc import Mapping, Sequence
from statistics import stdev

from rich import box
from rich.table import Table

from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.power import power_line, smallest_visible_difference
from interlat.evaluation.statistics import holm
from interlat.evaluation.summary import Comparison, Measures, by_task_type, compare, measure

Groups = Mapping[str, Sequence[EpisodeRecord]]
"""Episodes by the label of their row; the first row is the one that others are compared with."""


MOST_COLUMNS = 6  # of conditions that fit beside each other


def tables(groups: Groups, title: str) -> list[Table]:
    """All tables of an evaluation: success, then what differs from the first group, then success by kind of task."""
    differences = [comparison_table(groups)] if len(groups) > 1 else []
    return [success_table(groups, title), *differences, task_type_table(groups)]


def success_table(groups: Groups, title: str) -> Table:
    """Success, steps and cost of each group."""
    table = _table(title, "condition", ("n", "success % [95 %]", "steps won/all", "invalid %", "s/message", "tokens"))
    for label, records in groups.items():
        of = measure(records)
        table.add_row(
            label,
            str(of.episodes),
            success(of),
            f"{_mean(of.steps_success)}/{_mean(of.steps_all)}",
            f"{100 * of.invalid_share:.1f}",
            f"{of.message_seconds:.2f}",
            f"{of.output_tokens:.0f}",
        )
    return table


def comparison_table(groups: Groups) -> Table:
    """Games on which each group does better or worse than the first, by how much, and how surprising that is."""
    (first, baseline), *others = groups.items()
    columns = ("better", "worse", "points [95 %]", "visible", "McNemar p", "p, Holm")
    table = _table(f"same games, against {first}", "condition", columns)
    found = [compare(records, baseline) for _, records in others]
    for (label, _), of, corrected in zip(others, found, holm([of.p for of in found]), strict=True):
        counts = (str(of.games_won_more), str(of.games_won_less))
        table.add_row(label, *counts, _points(of), _visible(of), f"{of.p:.3g}", f"{corrected:.3g}")
    games = max(of.games for of in found)
    if games:
        table.caption = (
            f"visible: points that are noticed 4 times in 5 where as many games go differently. {power_line(games)}"
        )
        table.caption_justify = "left"
    return table


def task_type_table(groups: Groups) -> Table:
    """Success by kind of task: a column for each group, or a row where there are too many for columns."""
    measures = {label: by_task_type(records) for label, records in groups.items()}
    kinds = sorted({name for of in measures.values() for name in of})
    across, down = (kinds, list(groups)) if len(groups) > MOST_COLUMNS else (list(groups), kinds)
    table = _table("success % by task type", "condition" if across is kinds else "task type", ())
    for heading in across:
        table.add_column(heading, justify="right", overflow="fold")
    for row in down:
        cells = (
            [measures[row].get(kind) for kind in kinds]
            if across is kinds
            else [of.get(row) for of in measures.values()]
        )
        table.add_row(row, *("-" if cell is None else _share(cell) for cell in cells))
    return table


def success(of: Measures) -> str:
    """``65.4 [57.0, 73.0]``, with the standard deviation over runs where there are several."""
    runs = list(of.success_rate_by_run.values())
    spread = f" ±{100 * stdev(runs):.1f}" if len(runs) > 1 else ""
    low, high = of.ci95
    return f"{100 * of.success_rate:.1f}{spread} [{100 * low:.1f}, {100 * high:.1f}]"


def _points(of: Comparison) -> str:
    low, high = of.ci95
    return f"{100 * of.difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _visible(of: Comparison) -> str:
    visible = smallest_visible_difference(of.games, of.discordant_share) if of.games else None
    return "-" if visible is None else f"{100 * visible:.1f}"


def _share(of: Measures) -> str:
    return f"{100 * of.success_rate:.1f} ({round(of.success_rate * of.episodes)}/{of.episodes})"


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(title: str, of: str, numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(of, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
