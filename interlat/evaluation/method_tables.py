"""Tables of what methods cost, all agents together and one by one. Makes rich tables and prints nothing."""

from collections.abc import Sequence
from statistics import fmean

from rich import box
from rich.table import Table

from interlat.evaluation.method_costs import Cost, cost, cost_by_agent
from interlat.evaluation.report import Groups

_COLUMNS = ("tokens", "latent steps", "read", "KV MB", "s/question")


def method_cost_table(groups: Groups) -> Table:
    """A row a condition: means a question, and how much faster it is than one agent alone and than agents who write."""
    costs = {label: cost(records) for label, records in groups.items()}
    yardsticks = {name: costs[name] for name in ("single", "text-mas") if name in costs}
    table = _table(
        "cost a question, all agents", "condition", ("no answer %", *_COLUMNS, *(f"× {name}" for name in yardsticks))
    )
    for label, of in costs.items():
        speeds = (f"{yardstick.seconds / of.seconds:.2f}" for yardstick in yardsticks.values())
        unanswered = fmean(record.invalid_actions for record in groups[label])
        table.add_row(label, f"{100 * unanswered:.0f}", *_cells(of), *speeds)
    table.caption = (
        "read: entries of prompts read at once; KV: keys and values taken over from others, 1 MB = 10^6 bytes; "
        "× single, × text-mas: how many times as fast"
    )
    table.caption_justify = "left"
    return table


def agent_table(groups: Groups) -> Table:
    """A row an agent of each condition: means a question."""
    table = _table("cost a question, by agent", "condition, agent", _COLUMNS)
    for label, records in groups.items():
        for name, of in cost_by_agent(records).items():
            table.add_row(f"{label}, {name}", *_cells(of))
    return table


def _cells(of: Cost) -> tuple[str, ...]:
    return (
        f"{of.output_tokens:.0f}",
        f"{of.latent_steps:.0f}",
        f"{of.prefill_positions:.0f}",
        f"{of.kv_bytes / 1e6:.2f}",
        f"{of.seconds:.2f}",
    )


def _table(title: str, of: str, numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(of, overflow="fold", min_width=12)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
