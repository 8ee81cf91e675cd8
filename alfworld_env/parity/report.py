"""Tables of what was compared, for a terminal and for a page; knows no engine and no file."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.box import SIMPLE
from rich.table import Table

from alfworld_env.parity.comparison import REFUSED
from alfworld_env.parity.records import GameRecord

HEADINGS = ("set", "task type", "games", "walkthrough steps", "random steps", "differences")


class Row(NamedTuple):
    """Sums over the games of one set and task type."""

    kind: str
    task_type: str
    games: int
    walkthrough_steps: int
    random_steps: int
    differences: int


def summary(records: Iterable[GameRecord]) -> list[Row]:
    """One row for each set and task type, sorted, and one for all of them at the end."""
    groups: dict[tuple[str, str], list[GameRecord]] = {}
    everything = list(records)
    for record in everything:
        groups.setdefault((record.kind, record.task_type), []).append(record)
    return [*(_row(*group, groups[group]) for group in sorted(groups)), _row("all", "", everything)]


def _row(kind: str, task_type: str, records: Sequence[GameRecord]) -> Row:
    return Row(
        kind,
        task_type,
        len(records),
        sum(record.walkthrough_steps for record in records),
        sum(record.random_steps for record in records),
        sum(len(record.differences) for record in records),
    )


def terminal_table(records: Iterable[GameRecord]) -> Table:
    """The summary for a terminal."""
    table = Table("set", "task type", box=SIMPLE)
    for heading in ("games", "steps", "differences"):
        table.add_column(heading, justify="right")
    rows = summary(records)
    for row in rows:
        counts = (row.games, row.walkthrough_steps + row.random_steps, row.differences)
        table.add_row(row.kind, row.task_type, *map(_number, counts), end_section=row in rows[-2:])
    return table


def markdown(records: Sequence[GameRecord]) -> str:
    """The summary as a page: how it was made, what was found, and every difference.

    Args:
        records: Of one run; at least one.
    """
    steps, seed = records[0].steps, records[0].seed
    lines = [
        f"{_number(len(records))} games: the walkthrough, then {steps} random steps drawn with seed {seed}. After every step the "
        "observation, the admissible commands, won, reward, terminated and truncated were compared.",
        "",
        f"Versions: {'; '.join(sorted({_versions(record) for record in records}))}.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---|---|--:|--:|--:|--:|",
    ]
    lines += [f"| {row.kind} | {row.task_type} | {' | '.join(map(_number, row[2:]))} |" for row in summary(records)]
    verbs: Counter[str] = sum((Counter(record.verbs) for record in records), Counter())
    refused = verbs.pop(REFUSED, 0)
    told = ", ".join(f"{verb} {_number(count)}" for verb, count in verbs.most_common())
    lines += ["", f"Commands carried out: {told}. Commands refused: {_number(refused)}."]
    found = [f"- {record.game_id}: {line}" for record in records for line in record.differences]
    return "\n".join([*lines, "", *(found or ["No differences."])])


def _versions(record: GameRecord) -> str:
    return ", ".join(f"{package} {version}" for package, version in record.versions.items())


def _number(count: int) -> str:
    return f"{count:,}"
