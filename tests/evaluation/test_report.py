"""Results, tables and chart of two conditions, told apart by one game."""

import json

import pytest
from rich.console import Console

from interlat.evaluation.chart import draw_success
from interlat.evaluation.report import comparison_table, success_table, tables, task_type_table
from interlat.evaluation.results import results_of, write_results
from interlat.evaluation.summary import by_condition

KEYS = [
    "protocol_version",
    "command",
    "commit",
    "seeds",
    "step_cap",
    "games",
    "success_rate",
    "ci95",
    "steps_success",
    "steps_all",
    "by_task_type",
    "message_seconds",
    "output_tokens",
    "conditions",
]


@pytest.fixture
def records(episode):
    latent = {"message": "latent", "message_seconds": 0.5, "output_tokens": 8}
    return [
        episode("a", True, 2, **latent),
        episode("b", True, 4, task_type="run", **latent),
        episode("a", True, 3),
        episode("b", False, 20, task_type="run", invalid_actions=10),
    ]


def _text(table):
    console = Console(width=120, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _rows(table):
    """Words of each line, by its first word."""
    return {words[0]: words for words in map(str.split, _text(table).splitlines()) if words}


def test_results_have_the_promised_keys(records, tmp_path):
    results = results_of(records, {"protocol_version": 1, "max_steps": 20}, "interlat-eval ...", "abc")
    assert list(results) == KEYS
    path = write_results(tmp_path, results)
    assert json.loads(path.read_text()) == results
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_top_level_numbers_are_the_first_conditions(records):
    results = results_of(records, {"protocol_version": 1, "max_steps": 20}, "", "")
    assert (results["games"], results["seeds"], results["step_cap"]) == (2, [0], 20)
    assert (results["success_rate"], results["steps_success"], results["steps_all"]) == (1.0, 3.0, 3.0)
    assert (results["message_seconds"], results["output_tokens"]) == (0.5, 8.0)
    assert {name: of["success_rate"] for name, of in results["by_task_type"].items()} == {"run": 1.0, "walk": 1.0}
    first, other = results["conditions"]["latent"], results["conditions"]["none"]
    assert {name: first[name] for name in ("success_rate", "ci95", "by_task_type")} == {
        name: results[name] for name in ("success_rate", "ci95", "by_task_type")
    }
    assert (other["success_rate"], other["steps_success"], other["steps_all"]) == (0.5, 3.0, 11.5)
    assert other["invalid_share"] == pytest.approx(10 / 23)
    assert other["versus latent"] == {
        "games": 2,
        "games_won_more": 0,
        "games_won_less": 1,
        "difference": -0.5,
        "ci95": [-1.0, 0.0],
        "p": 1.0,
        "p_holm": 1.0,
    }


def test_the_success_table_says_it_all(records):
    rows = _rows(success_table(by_condition(records), "title"))
    assert rows["latent"] == ["latent", "2", "100.0", "[34.2,", "100.0]", "3.00/3.00", "0.0", "0.50", "8"]
    assert rows["none"] == ["none", "2", "50.0", "[9.5,", "90.5]", "3.00/11.50", "43.5", "0.00", "0"]


def test_several_runs_show_their_spread(episode):
    """Runs at 100 % and 0 %: mean 50, sample standard deviation 100/√2 = 70.7."""
    text = _text(success_table({"x": [episode("a", run=0), episode("a", False, run=1)]}, "title"))
    assert "50.0 ±70.7 [" in text


def test_the_comparison_names_what_it_is_against(records):
    text = _text(comparison_table(by_condition(records)))
    assert "same games, against latent" in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith("none")]
    assert rows == [["none", "0", "1", "-50.0", "[-100.0,", "+0.0]", "-", "1", "1"]]


def test_p_values_of_a_comparison_are_corrected_for_their_number(episode):
    """Six games, all won by one condition and lost by two: p = 2/64, times 2 by Holm."""
    games = "abcdef"
    groups = {
        "x": [episode(game) for game in games],
        "y": [episode(game, False) for game in games],
        "z": [episode(game, False) for game in games],
    }
    text = _text(comparison_table(groups))
    assert [line.split()[-2:] for line in text.splitlines() if line.strip()[:2] in ("y ", "z ")] == [
        ["0.0312", "0.0625"]
    ] * 2
    assert "6 games are too few" in " ".join(text.split())


def test_one_condition_has_nothing_to_compare(episode):
    assert len(tables({"x": [episode()]}, "title")) == 2
    assert len(tables({"x": [episode()], "y": [episode()]}, "title")) == 3


def test_the_task_type_table_counts_games(records):
    rows = _rows(task_type_table(by_condition(records)))
    assert rows["run"] == ["run", "100.0", "(1/1)", "0.0", "(0/1)"]


def test_the_chart_is_a_picture(records, tmp_path):
    draw_success(by_condition(records), tmp_path / "new" / "chart.png")
    assert (tmp_path / "new" / "chart.png").read_bytes().startswith(b"\x89PNG")
