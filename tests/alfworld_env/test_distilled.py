import json
import os
import pickle
import random
import zipfile
import zlib
from dataclasses import dataclass

import pytest

from alfworld_env import AlfworldEnv, AlfworldEnvError, GameDataNotFound, InvalidGame, TaskType, household_games
from alfworld_env.distilled import GAMES_IN_BLOCK, list_distilled, write_distilled
from alfworld_env.games import GameData, game_sets, list_games
from alfworld_env.parity import differences
from alfworld_env.problem import parse_problem


@dataclass(frozen=True)
class Held:
    """A game that is there already."""

    game_id: str
    data: GameData
    split: str = "train"
    task_type: TaskType = TaskType.PICK_AND_PLACE

    def load(self):
        return self.data


def same(one, other):
    """Whether two loaded games differ in nothing but how their problems are written."""
    return (one.task, one.walkthrough, one.domain, one.grammar, parse_problem(one.problem)) == (
        other.task,
        other.walkthrough,
        other.domain,
        other.grammar,
        parse_problem(other.problem),
    )


@pytest.fixture
def household(tmp_path):
    """Forty household games in a file: more than two blocks."""
    sets = {"train": household_games("train", 30), "unseen": household_games("unseen", 10)}
    path = tmp_path / "household.games"
    write_distilled(sets, path)
    return sets, path


def test_lists_what_was_written_in_its_order_and_builds_it_again(household):
    sets, path = household
    listed = list_distilled(path)
    assert list(listed) == ["train", "unseen"]
    assert max(game.block for games in listed.values() for game in games) == (30 + 10 - 1) // GAMES_IN_BLOCK
    for name, games in sets.items():
        assert [(game.game_id, game.split, game.task_type) for game in listed[name]] == [
            (game.game_id, game.split, game.task_type) for game in games
        ]
        assert all(same(kept.load(), game.load()) for kept, game in zip(listed[name], games, strict=True))


def test_a_listed_game_pickles_and_is_played_like_any_other(household):
    _, path = household
    for game in pickle.loads(pickle.dumps(list_distilled(path)["unseen"])):
        env = AlfworldEnv(game)
        _, info = env.reset()
        assert (info["game_id"], info["task_type"]) == (game.game_id, game.task_type)
        for command in info["walkthrough"]:
            *_, info = env.step(command)
        assert info["won"]


def test_domain_and_grammar_come_back_with_the_task_of_each_game(kitchen, tmp_path):
    grammar = '{"task": "Your task is to: %s", "again": "Your task is to: %s"} %s'
    games = [
        Held("a", GameData(kitchen().problem, "put 1.", (), "domain", grammar % ("put 1.", "put 1.", "tail"))),
        Held("b", GameData(kitchen().problem, "put 2.", (), "domain", grammar % ("put 2.", "put 2.", "tail"))),
        Held("c", GameData(kitchen().problem, "put 3.", ("look",), "other domain", "no task here")),
        Held("d", GameData(kitchen().problem, 'put "é\n4".', (), None, None)),
    ]
    path = tmp_path / "some.games"
    write_distilled({"train": games}, path)
    for kept, game in zip(list_distilled(path)["train"], games, strict=True):
        assert same(kept.load(), game.data)
    with zipfile.ZipFile(path) as archive:
        assert len(json.loads(archive.read("texts.json"))) == 3  # a and b share theirs


def test_equal_games_make_equal_files(household, tmp_path):
    sets, path = household
    write_distilled({name: iter(games) for name, games in sets.items()}, tmp_path / "again.games")
    assert (tmp_path / "again.games").read_bytes() == path.read_bytes()


def test_any_zip_tool_can_look_into_it(household):
    _, path = household
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*(f"blocks/0000{n}.jsonl" for n in range(3)), "texts.json", "index.json"]
        first = [json.loads(line) for line in archive.read("blocks/00000.jsonl").splitlines()]
    assert [set(row) >= {"id", "task", "walkthrough"} for row in first] == [False] + [True] * GAMES_IN_BLOCK


def test_a_file_cut_short_anywhere_is_an_error_of_ours(household, tmp_path):
    content = household[1].read_bytes()
    path = tmp_path / "cut.games"
    for length in (0, 1, len(content) // 2, len(content) - 30, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(InvalidGame, match=r"cut\.games is not a whole file"):
            list_distilled(path)


def test_a_flipped_bit_gives_the_same_games_or_an_error_of_ours(kitchen, tmp_path):
    """Bits that zip archives do not use, such as dates, may flip unnoticed; what is loaded is never anything else."""
    data = kitchen("two")
    path = tmp_path / "one.games"
    write_distilled({"train": [Held("a", data)]}, path)
    whole = path.read_bytes()
    noticed = 0
    rng = random.Random(0)
    for position in range(0, len(whole), 3):
        altered = bytearray(whole)
        altered[position] ^= 1 << rng.randrange(8)
        # A new file each time: within a clock tick, an overwritten one of the same size would look unchanged.
        path = tmp_path / f"{position}.games"
        path.write_bytes(altered)
        try:
            (game,) = list_distilled(path)["train"]
            loaded = game.load()
        except AlfworldEnvError:
            noticed += 1
            continue
        assert (game.game_id, same(loaded, data)) == ("a", True)
    assert noticed > 0.4 * len(whole) / 3


def test_damage_to_one_block_is_told_when_a_game_of_it_is_loaded(household, tmp_path):
    content = bytearray(household[1].read_bytes())
    content[200] ^= 1
    path = tmp_path / "damaged.games"
    path.write_bytes(content)
    for game in [game for found in list_distilled(path).values() for game in found]:
        if game.block == 0:
            with pytest.raises(InvalidGame, match=r"damaged\.games"):
                game.load()
        else:
            assert game.load().task


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"format": "alfworld-games", "version": 2, "sets": {}, "blocks": []}, "version 2 .* up to 1; install a later"),
        ({"format": "other", "version": 1, "sets": {}, "blocks": []}, "format 'other'"),
        ({"version": 1}, "not a whole file"),
        ({"format": "alfworld-games", "version": 1, "sets": {"train": [["a"]]}, "blocks": []}, "not a whole file"),
    ],
)
def test_other_formats_and_later_versions_are_named(tmp_path, index, message):
    path = tmp_path / "strange.games"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.json", json.dumps(index))
    with pytest.raises(InvalidGame, match=message):
        list_distilled(path)


def test_a_missing_file_is_not_a_damaged_one(tmp_path):
    with pytest.raises(GameDataNotFound, match="interlat-data distil"):
        list_distilled(tmp_path / "no.games")


def test_a_file_replaced_since_the_listing_does_not_hand_out_other_games(household, tmp_path):
    _, path = household
    game = list_distilled(path)["train"][0]
    assert game.load().task
    write_distilled({"train": household_games("train", 30, seed=1)}, path)
    with pytest.raises(InvalidGame, match="list them again"):
        game.load()


def test_a_failed_write_leaves_what_was_there(household, kitchen):
    sets, path = household
    before = path.read_bytes()
    broken = Held("broken", GameData(kitchen().problem[:900], "look.", ()))
    with pytest.raises(InvalidGame, match=r"^broken: .*cut short"):
        write_distilled({"train": [*sets["train"], broken]}, path)
    with pytest.raises(InvalidGame, match="there twice"):
        write_distilled({"train": sets["train"], "again": sets["train"][:1]}, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_checksum_that_does_not_match_is_refused_even_where_the_data_inflates(household, tmp_path):
    """A block replaced by other valid compressed data of the same length."""
    content = bytearray(household[1].read_bytes())
    index = json.loads(zipfile.ZipFile(household[1]).read("index.json"))
    offset, size, _ = index["blocks"][0]
    squeezer = zlib.compressobj(0, wbits=-15)
    filler = squeezer.compress(b"x" * (size - 5)) + squeezer.flush()
    content[offset : offset + size] = filler[:size]
    path = tmp_path / "swapped.games"
    path.write_bytes(content)
    with pytest.raises(InvalidGame, match="block 0"):
        list_distilled(path)["train"][next(i for i, row in enumerate(index["sets"]["train"]) if row[3] == 0)].load()


@pytest.mark.alfworld
def test_alfworld_s_games_are_the_same_from_a_file(real_games, tmp_path):
    path = tmp_path / "real.games"
    chosen = {"seen": real_games("seen")[::14], "unseen": real_games("unseen")[::14]}
    write_distilled(chosen, path)
    for name, games in chosen.items():
        kept = list_games(name, path)
        assert [(game.game_id, game.task_type) for game in kept] == [(game.game_id, game.task_type) for game in games]
        assert all(same(one.load(), other.load()) for one, other in zip(kept, games, strict=True))
    assert path.stat().st_size < 100_000


@pytest.mark.alfworld
def test_textworld_plays_a_game_from_a_file_as_the_native_engine_does(real_games, tmp_path):
    pytest.importorskip("textworld")
    path = tmp_path / "real.games"
    write_distilled({"unseen": real_games("unseen")[:1]}, path)
    (game,) = game_sets(path)["unseen"]
    assert list(differences(game.load(), steps=10, seed=0)) == []
