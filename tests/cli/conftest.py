"""A release of five small games, to get, check and distil."""

import json

import pytest

from alfworld_env import games, household_games

TRIALS = {
    "train": ("pick_and_place_simple-Mug-None-Shelf-1/trial_1", "pick_heat_then_place_in_recep-Mug-None-Shelf-1/t2"),
    "valid_seen": ("pick_cool_then_place_in_recep-Mug-None-Shelf-1/trial_3",),
    "valid_unseen": ("pick_two_obj_and_place-Mug-None-Shelf-1/trial_4",),
    "valid_train": ("look_at_obj_in_light-Mug-None-DeskLamp-301/trial_5",),
}
ORDER = ["pick_and_place_simple", "look_at_obj_in_light", "pick_clean", "pick_heat", "pick_cool", "pick_two"]


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def game_content(trial):
    """What ALFWorld's file of a game of that kind would hold, the game being a household one."""
    kinds = [kind for kind in ORDER if trial.startswith(kind)]
    game = household_games("train", 6)[ORDER.index(kinds[0])].load()
    grammar = f'"task": [{{"rhs": "Your task is to: {game.task}"}}]'
    content = {"pddl_domain": "(define)", "grammar": grammar, "pddl_problem": game.problem, "solvable": True}
    return json.dumps(content | {"walkthrough": list(game.walkthrough)})


@pytest.fixture
def content_of():
    """What the file of a game holds, by the beginning of its task folder's name."""
    return game_content


@pytest.fixture
def trials():
    """The games of the release by folder."""
    return TRIALS


@pytest.fixture
def release(tmp_path):
    """A data folder of five games."""
    root = tmp_path / "release"
    for folder, trials in TRIALS.items():
        for trial in trials:
            path = root / "json_2.1.1" / folder / trial / "game.tw-pddl"
            path.parent.mkdir(parents=True)
            path.write_text(game_content(trial))
    return root


@pytest.fixture
def published(monkeypatch):
    """Five games are all there are."""
    monkeypatch.setattr(games, "GAMES_IN_SPLIT", {"train": 2, "seen": 1, "unseen": 1})
    monkeypatch.setattr(games, "GAMES_IN_VALID_TRAIN", 1)
