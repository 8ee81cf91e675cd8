"""The comparison counts what it says it counts."""

import pytest

from alfworld_env import household_games, record_expert
from alfworld_env.household import compare
from alfworld_env.problem import parse_problem


def test_rooms_are_counted_by_their_kind_and_walkthroughs_by_task_type():
    games = household_games("train", 6, rooms="measured")
    sizes = compare.sizes(games)
    problems = [parse_problem(game.load().problem) for game in games]
    kitchens = [problem for game, problem in zip(games, problems, strict=True) if game.scene.startswith("kitchen")]
    assert kitchens
    assert sizes["receptacles"]["kitchen"] == [len(problem.receptacle_types) for problem in kitchens]
    assert sizes["locations"]["all"] == [len({place for _, place in problem.places}) for problem in problems]
    assert sizes["objects"]["all"] == [sum(map(len, problem.contents.values())) for problem in problems]
    assert sizes["walkthrough"][games[3].task_type] == [len(games[3].load().walkthrough)]


def test_a_game_the_expert_loses_counts_one_step_more_than_the_limit():
    games = household_games("train", 300, rooms="measured")
    game = next(game for game in games if not record_expert(game, 0, max_steps=50).won)
    assert compare.expert_steps([game]) == {game.task_type: [51], "all": [51]}


def test_missing_games_are_said_to_be_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert compare.main(["--games", "1"]) == 1
    assert "alfworld-download" in capsys.readouterr().err


@pytest.mark.alfworld
def test_all_tables_are_printed(real_games, capsys):
    real_games("train")
    assert compare.main(["--games", "12"]) == 0
    printed = capsys.readouterr().out
    for title in ("receptacles", "locations", "objects", "walkthrough", "expert wins in 20 / 30 / 50 steps, %"):
        assert f"\n{title}" in f"\n{printed}"
    assert "ALFWorld train" in printed
