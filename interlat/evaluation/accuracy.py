"""Tables of a benchmark of problems: accuracy overall and by level, as in Interlat's Table 2; what differs; how stable; what it cost.

Makes rich tables and prints nothing. Knows no files.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import get_args

from rich import box
from rich.table import Table

from interlat.data.reasoning.benchmarks import BenchmarkName
from interlat.evaluation.conditions import Condition
from interlat.evaluation.method_tables import agent_table, method_cost_table
from interlat.evaluation.report import Groups, comparison_table, tables
from interlat.evaluation.stability_tables import stability_tables
from interlat.evaluation.summary import Measures, by_task_type, measure


def is_benchmark(env: str) -> bool:
    """Whether an environment's games are problems."""
    return env in get_args(BenchmarkName)


def tables_of(env: str, split: str, groups: Groups, title: str) -> list[Table]:
    """All tables of an evaluation: those of problems for a benchmark, else those of games.

    Args:
        env: what was evaluated.
        split: of it.
        groups: episodes by the label of their row; the first row is the one that others are compared with.
        title: for games; problems have no step cap to tell.
    """
    if not is_benchmark(env):
        return tables(groups, title)
    differences = [comparison_table(groups)] if len(groups) > 1 else []
    accuracy = accuracy_table(groups, f"{env} {split}: accuracy % [95 %]")
    are_methods = all(Condition(record.message).is_method for records in groups.values() for record in records)
    if not are_methods:
        return [accuracy, *differences, cost_table(groups)]
    return [accuracy, *differences, *stability_tables(groups), method_cost_table(groups), agent_table(groups)]


def accuracy_table(groups: Groups, title: str) -> Table:
    """A row a group: accuracy over all problems, then at each level (or of each subject)."""
    kinds = sorted({record.task_type for records in groups.values() for record in records})
    shown = kinds if len(kinds) > 1 else []
    table = _table(title, "condition", ("n", "overall", *shown))
    for label, records in groups.items():
        at = by_task_type(records)
        of = measure(records)
        cells = [_accuracy(at[kind]) if kind in at else "-" for kind in shown]
        table.add_row(label, str(of.games), _accuracy(of), *cells)
    return table


def cost_table(groups: Groups) -> Table:
    """A row a group: how many texts gave no answer at all, and what message and solution cost."""
    table = _table("cost", "condition", ("no answer %", "s/message", "tokens"))
    for label, records in groups.items():
        of = measure(records)
        table.add_row(
            label,
            f"{100 * fmean(record.invalid_actions for record in records):.1f}",
            f"{of.message_seconds:.2f}",
            f"{of.output_tokens:.0f}",
        )
    return table


def _accuracy(of: Measures) -> str:
    """``40.1 [38,42]``."""
    low, high = of.ci95
    rate = f"{100 * of.success_rate:.1f}" if of.success_rate < 1 else "100"
    return f"{rate} [{100 * low:.0f},{100 * high:.0f}]"


def _table(title: str, of: str, numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(of, overflow="fold", min_width=12)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
