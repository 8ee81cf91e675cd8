"""Accuracy by level: counted by hand, with Wilson's interval beside it."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from interlat.evaluation.accuracy import accuracy_table, cost_table, is_benchmark, tables_of
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.statistics import wilson_interval

EPISODE = EpisodeRecord("p", "level 1", "latent", None, None, 0, 0, True, 1, ("q", "Right."), ("a",), 0, 0.5, 20)


def _episodes(message: str, won: dict[str, tuple[int, int]]) -> list[EpisodeRecord]:
    """So many of so many problems right at each level."""
    return [
        replace(
            EPISODE,
            game_id=f"{kind}/{n}",
            task_type=kind,
            message=message,
            won=n < right,
            invalid_actions=int(n >= right),
        )
        for kind, (right, of) in won.items()
        for n in range(of)
    ]


def _rows(table: Table) -> list[list[str]]:
    return [list(row) for row in zip(*(list(column.cells) for column in table.columns), strict=True)]  # type: ignore[arg-type]


def test_accuracy_is_told_overall_and_by_level():
    """3 of 4 and 1 of 4 are 4 of 8; Wilson's interval of 3 of 4 is 30 to 95 %, of 1 of 4 5 to 70 %, of 4 of 8 22 to 78 %."""
    groups = {"latent": _episodes("latent", {"level 1": (3, 4), "level 2": (1, 4)})}
    table = accuracy_table(groups, "t")
    assert [column.header for column in table.columns] == ["condition", "n", "overall", "level 1", "level 2"]
    assert _rows(table) == [["latent", "8", "50.0 [22,78]", "75.0 [30,95]", "25.0 [5,70]"]]
    low, high = wilson_interval(3, 4)
    assert (round(100 * low), round(100 * high)) == (30, 95)


def test_a_level_that_a_group_has_not_solved_yet_is_left_open_and_one_level_is_no_column():
    groups = {
        "latent": _episodes("latent", {"level 1": (1, 1), "level 3": (0, 1)}),
        "none": _episodes("none", {"level 1": (1, 1)}),
    }
    assert _rows(accuracy_table(groups, "t"))[1] == ["none", "1", "100 [21,100]", "100 [21,100]", "-"]
    one = accuracy_table({"latent": _episodes("latent", {"all": (1, 2)})}, "t")
    assert [column.header for column in one.columns] == ["condition", "n", "overall"]


def test_answers_that_are_none_are_counted():
    assert _rows(cost_table({"latent": _episodes("latent", {"level 1": (1, 4)})})) == [["latent", "75.0", "0.50", "20"]]


def test_benchmarks_have_tables_of_their_own_with_paired_tests():
    groups = {"latent": _episodes("latent", {"level 1": (3, 4)}), "none": _episodes("none", {"level 1": (0, 4)})}
    shown = tables_of("math", "unseen", groups, "a title for games")
    assert [table.columns[1].header for table in shown] == ["n", "better", "no answer %"]
    assert _rows(shown[1])[0][:3] == ["none", "0", "3"]  # 3 problems solved by latents alone
    assert len(tables_of("math", "unseen", {"latent": groups["latent"]}, "t")) == 2
    assert tables_of("household", "unseen", groups, "a title for games")[0].title == "a title for games"


@pytest.mark.parametrize(
    ("env", "is_one"), [("math", True), ("arithmetic", True), ("household", False), ("alfworld", False)]
)
def test_what_is_a_benchmark(env: str, is_one: bool):
    assert is_benchmark(env) is is_one


def test_five_levels_and_their_intervals_fit_a_pipe():
    groups = {"latent+cross-task": _episodes("latent", {f"level {n}": (33, 100) for n in range(1, 6)})}
    console = Console(width=110, record=True, file=StringIO())
    console.print(accuracy_table(groups, "t"))
    assert "…" not in console.export_text()
