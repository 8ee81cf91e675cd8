import json
import logging
import pickle

import pytest

from alfworld_env import GameDataNotFound, InvalidGame, TaskType, household_games, list_games, read_game
from alfworld_env.distilled import write_distilled
from alfworld_env.games import GAMES_IN_SPLIT, game_sets, published_size

GAME = {
    "pddl_domain": "(define (domain alfred))",
    "grammar": '"task": [{"rhs": "Your task is to: put a hot mug in fridge."}]',
    "pddl_problem": "(define (problem p))",
    "solvable": True,
    "walkthrough": ["look"],
}


def write(root, folder, name, trial, content=None):
    path = root / "json_2.1.1" / folder / name / trial / "game.tw-pddl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(GAME) if content is None else content)
    return path


def small_file(data):
    """What ALFWorld would keep of a game."""
    grammar = f'"task": [{{"rhs": "Your task is to: {data.task}"}}]'
    return json.dumps(GAME | {"pddl_problem": data.problem, "grammar": grammar, "walkthrough": list(data.walkthrough)})


def test_lists_a_split_sorted_without_traj_data(tmp_path):
    write(tmp_path, "valid_unseen", "pick_heat_then_place_in_recep-Mug-None-Fridge-10", "trial_2")
    write(tmp_path, "valid_unseen", "look_at_obj_in_light-Mug-None-DeskLamp-308", "trial_1")
    write(tmp_path, "valid_seen", "pick_and_place_simple-Mug-None-Desk-1", "trial_1")
    games = list_games("unseen", tmp_path)
    assert [game.game_id for game in games] == [
        "valid_unseen/look_at_obj_in_light-Mug-None-DeskLamp-308/trial_1",
        "valid_unseen/pick_heat_then_place_in_recep-Mug-None-Fridge-10/trial_2",
    ]
    assert [game.task_type for game in games] == [TaskType.LOOK_IN_LIGHT, TaskType.HEAT_AND_PLACE]
    assert games[1].load().task == "put a hot mug in fridge."
    assert list_games("unseen", tmp_path / "json_2.1.1") == games
    assert pickle.loads(pickle.dumps(games)) == games


def test_leaves_out_sliced_and_movable_tasks_as_alfworld_does(tmp_path):
    write(tmp_path, "train", "pick_and_place_simple-AppleSliced-None-Desk-1", "trial_1")
    write(tmp_path, "train", "pick_and_place_with_movable_recep-Apple-Bowl-Desk-1", "trial_1")
    write(tmp_path, "train", "pick_and_place_simple-Apple-None-Desk-1", "trial_1")
    assert [game.game_id.split("/")[1] for game in list_games("train", tmp_path)] == [
        "pick_and_place_simple-Apple-None-Desk-1"
    ]


def test_an_incomplete_split_is_logged_with_both_counts(tmp_path, caplog):
    write(tmp_path, "valid_seen", "pick_and_place_simple-Mug-None-Desk-1", "trial_1")
    with caplog.at_level(logging.WARNING):
        list_games("seen", tmp_path)
    assert "has 1 games" in caplog.text
    assert "140" in caplog.text


def test_missing_data_says_how_to_get_it(tmp_path):
    with pytest.raises(GameDataNotFound, match="alfworld-download"):
        list_games("unseen", tmp_path)
    write(tmp_path, "valid_seen", "pick_and_place_simple-Mug-None-Desk-1", "trial_1")
    with pytest.raises(FileNotFoundError, match="valid_unseen"):
        list_games("unseen", tmp_path)


def test_the_folder_named_by_the_environment_is_looked_at_first(tmp_path, monkeypatch):
    write(tmp_path, "valid_seen", "pick_and_place_simple-Mug-None-Desk-1", "trial_1")
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert len(list_games("seen")) == 1


def test_unknown_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train, seen, unseen"):
        list_games("valid_unseen", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(GAME)[:200], "not a whole JSON"),
        ("version https://git-lfs.github.com/spec/v1", "not a whole JSON"),
        (json.dumps([1]), "JSON list"),
        (json.dumps({"scene": {}}), "lacks pddl_problem"),
        (json.dumps(GAME | {"grammar": "no line"}), "no task"),
        (json.dumps(GAME | {"solvable": False}), "unsolvable"),
    ],
)
def test_a_foreign_or_truncated_file_is_named(tmp_path, content, message):
    path = write(tmp_path, "train", "pick_and_place_simple-Mug-None-Desk-1", "trial_1", content)
    with pytest.raises(InvalidGame, match=message) as error:
        read_game(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_not_an_invalid_one(tmp_path):
    with pytest.raises(GameDataNotFound, match=r"no\.tw-pddl"):
        read_game(tmp_path / "no.tw-pddl")


@pytest.mark.alfworld
@pytest.mark.parametrize("split", ["train", "seen", "unseen"])
def test_real_splits_have_the_published_sizes(real_games, split):
    games = real_games(split)
    assert len(games) == GAMES_IN_SPLIT[split]
    assert len({game.game_id for game in games}) == len(games)
    assert {game.task_type for game in games} == set(TaskType)


def test_a_distilled_file_stands_for_the_folder(tmp_path, monkeypatch, caplog):
    path = tmp_path / "household.games"
    write_distilled({"train": household_games("train", 3), "mine": household_games("seen", 2)}, path)
    monkeypatch.setenv("ALFWORLD_DATA", str(path))
    with caplog.at_level(logging.WARNING):
        games = list_games("train")
    assert [game.game_id for game in games] == [game.game_id for game in household_games("train", 3)]
    assert caplog.text == ""  # no published number says how many household games there should be
    assert {name: len(found) for name, found in game_sets().items()} == {"train": 3, "mine": 2}
    with pytest.raises(GameDataNotFound, match=r"no unseen game .*household\.games"):
        list_games("unseen")


def test_an_incomplete_split_of_alfworld_s_is_logged_from_a_file_too(tmp_path, caplog, kitchen):
    write(tmp_path, "valid_seen", "pick_and_place_simple-Apple-None-SideTable-1", "trial_1", small_file(kitchen()))
    write_distilled({"seen": list_games("seen", tmp_path)}, tmp_path / "seen.games")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        (game,) = list_games("seen", tmp_path / "seen.games")
    assert "has 1 games" in caplog.text
    assert game.load().task == "put a apple in sidetable."


def test_held_out_training_games_are_a_set_and_no_split(tmp_path):
    write(tmp_path, "valid_train", "pick_and_place_simple-Mug-None-Desk-1", "trial_1")
    write(tmp_path, "train", "pick_and_place_simple-Mug-None-Desk-1", "trial_2")
    sets = game_sets(tmp_path)
    assert {name: [game.game_id for game in games] for name, games in sets.items()} == {
        "train": ["train/pick_and_place_simple-Mug-None-Desk-1/trial_2"],
        "valid_train": ["valid_train/pick_and_place_simple-Mug-None-Desk-1/trial_1"],
    }
    assert sets["valid_train"][0].split == "train"
    assert [published_size(name, games) for name, games in sets.items()] == [3553, 200]


def test_something_else_in_place_of_a_distilled_file_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("nothing to play")
    with pytest.raises(InvalidGame, match=r"notes\.txt is not a whole file of distilled games"):
        list_games("train", path)
