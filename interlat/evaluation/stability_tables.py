"""Tables of how sure answers are and how often they are alike. Makes rich tables and prints nothing."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from interlat.evaluation.paired import Interval
from interlat.evaluation.report import Groups
from interlat.evaluation.self_consistency import SelfConsistency, self_consistency
from interlat.evaluation.stability import measured, perplexity, perplexity_change


def stability_tables(groups: Groups) -> list[Table]:
    """Perplexity where tokens were measured, self-consistency where problems were answered in several runs; else no table."""
    sure = {label: kept for label, records in groups.items() if (kept := measured(records))}
    alike = {label: found for label, records in groups.items() if (found := self_consistency(records)) is not None}
    return [*([perplexity_table(sure)] if sure else []), *([consistency_table(alike)] if alike else [])]


def perplexity_table(groups: Groups) -> Table:
    """A row a condition.

    Args:
        groups: at least one; of each, at least one record, all measured.
    """
    first, *others = groups
    columns = ("answers", "tokens", "perplexity [95 %]", *([f"− {first} [95 %]"] if others else []), "entropy, nats")
    table = _table("perplexity of answers to the agent that wrote them", columns)
    for label, records in groups.items():
        of = perplexity(records)
        change = perplexity_change(records, groups[first]) if label != first else None
        against = ["-" if change is None else _interval(change, "+.3f")] if others else []
        table.add_row(
            label, str(of.answers), str(of.tokens), _interval(of.perplexity, "#.4g"), *against, f"{of.entropy:.3f}"
        )
    table.caption = "at temperature 1; stop tokens count; intervals over problems, differences over the same problems"
    table.caption_justify = "left"
    return table


def consistency_table(found: dict[str, SelfConsistency]) -> Table:
    """A row a condition."""
    columns = ("problems", "runs", "right in 0/1/.../n", "in n−1 or n % [95 %]", "majority % [95 %]", "agreement %")
    table = _table("self-consistency: each problem in n runs", columns)
    for label, of in found.items():
        share = _share(of.nearly_always, of.ci95)
        voted = ["-", "-"]
        if of.majority is not None:
            voted = [_share(of.majority.accuracy, of.majority.ci95), f"{100 * of.majority.agreement:.1f}"]
        table.add_row(label, str(of.problems), str(of.runs), "/".join(map(str, of.right_counts)), share, *voted)
    table.caption = (
        "majority: the answer that most runs give, of equals the one given first; agreement: share of runs that give it; "
        "-: programs, and other answers that cannot be compared here"
    )
    table.caption_justify = "left"
    return table


def _interval(of: Interval, how: str) -> str:
    return f"{of.estimate:{how}} [{of.low:{how}}, {of.high:{how}}]"


def _share(share: float, ci95: tuple[float, float]) -> str:
    low, high = ci95
    return f"{100 * share:.1f} [{100 * low:.0f},{100 * high:.0f}]"


def _table(title: str, numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("condition", overflow="fold", min_width=12)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
