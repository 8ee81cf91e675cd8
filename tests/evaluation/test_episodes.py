"""A folder of episodes: nothing is lost when it is killed, nothing is mixed, nothing is overwritten."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.evaluation.episodes import EpisodesMismatch, EpisodeStore, read_episodes, read_settings

SETTINGS = {"env": "household", "max_steps": 20, "games": None}


@pytest.fixture
def folder(tmp_path, episode):
    """Two episodes, kept."""
    store = EpisodeStore(tmp_path / "run", SETTINGS)
    store.append(episode("a", observations=("naïve\u2028room", "ok", "ok"), message="latent", length=8))
    store.append(episode("b", won=False, run=1))
    return tmp_path / "run"


def test_what_is_kept_is_read_back(folder):
    store = EpisodeStore(folder, SETTINGS, resume=True)
    assert store.records == read_episodes(folder)
    assert store.keys == {("latent:8", 0, "a"), ("none", 1, "b")}
    assert store.records[0].observations[0] == "naïve\u2028room"
    assert read_settings(folder) == SETTINGS


@given(cut=st.data())
def test_a_torn_last_line_is_dropped(tmp_path_factory, episode, cut):
    """Wherever the kill falls within the last line, the episodes before it stay and the next one is whole."""
    folder = tmp_path_factory.mktemp("torn")
    store = EpisodeStore(folder, SETTINGS)
    for game_id in "ab":
        store.append(episode(game_id))
    path = folder / "episodes.jsonl"
    content = path.read_bytes()
    start = content.index(b"\n") + 1
    path.write_bytes(content[: cut.draw(st.integers(start, len(content) - 1))])

    store = EpisodeStore(folder, SETTINGS, resume=True)
    assert [record.game_id for record in store.records] == ["a"]
    store.append(episode("c"))
    assert [record.game_id for record in read_episodes(folder)] == ["a", "c"]


def test_an_existing_evaluation_needs_resume(folder):
    before = (folder / "episodes.jsonl").read_bytes()
    with pytest.raises(EpisodesMismatch, match=r"already holds an evaluation; add --resume .* or choose another --out"):
        EpisodeStore(folder, SETTINGS)
    assert (folder / "episodes.jsonl").read_bytes() == before


def test_other_settings_are_refused_by_name(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(
        EpisodesMismatch, match=r"\(games: None there, 3 asked for; max_steps: 20 there, 50 asked for\)"
    ):
        EpisodeStore(folder, {**SETTINGS, "max_steps": 50, "games": 3}, resume=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("line", ["{", "[]", '"text"', '{"game_id": "a"}', ""])
def test_a_broken_line_before_the_last_is_an_error(folder, line):
    path = folder / "episodes.jsonl"
    first, second = path.read_text().split("\n")[:2]
    path.write_text(f"{first}\n{line}\n{second}\n")
    with pytest.raises(EpisodesMismatch, match=r"line 2 is no episode .* evaluate again into another folder"):
        EpisodeStore(folder, SETTINGS, resume=True)


def test_episodes_without_settings_are_nobodys(folder):
    (folder / "settings.json").unlink()
    with pytest.raises(EpisodesMismatch, match=r"has no readable settings\.json"):
        EpisodeStore(folder, SETTINGS, resume=True)


def test_resume_of_nothing_begins(tmp_path, episode):
    store = EpisodeStore(tmp_path / "new", SETTINGS, resume=True)
    assert not (tmp_path / "new").exists()
    store.append(episode("a"))
    assert json.loads((tmp_path / "new" / "settings.json").read_text()) == SETTINGS


def test_what_was_measured_of_an_answer_is_kept(tmp_path, episode):
    store = EpisodeStore(tmp_path, SETTINGS)
    store.append(episode("a", grading="number", token_nll=(0.1234, 2.0), token_entropies=(0.5, 0.0)))
    (record,) = read_episodes(tmp_path)
    assert record == store.records[0]
    assert (record.grading, record.token_nll, record.token_entropies) == ("number", (0.1234, 2.0), (0.5, 0.0))


def test_episodes_of_a_version_that_measured_nothing_are_read(folder):
    path = folder / "episodes.jsonl"
    new = ("grading", "token_nll", "token_entropies", "accounts", "texts")
    lines = [json.loads(line) for line in path.read_text().split("\n") if line]
    before = [{key: value for key, value in line.items() if key not in new} for line in lines]
    assert all(len(line) == len(old) + len(new) for line, old in zip(lines, before, strict=True))
    records = read_episodes(folder)
    path.write_text("".join(json.dumps(line) + "\n" for line in before))
    assert read_episodes(folder) == records
