"""`interlat-eval` with keys and values on household games: a tiny trained run and a plain model, in batches, alone and resumed."""

from pathlib import Path

import pytest
from tiny_runs import save_tiny_runs

from interlat.cli import evaluate
from interlat.errors import InvalidSetting
from interlat.evaluation.actor_policy import load_actor_policy
from interlat.evaluation.episodes import EpisodeRecord, read_episodes

CONDITIONS = "kv:0,kv:2,kv:2+cross-task,kv:2+zero,kv:2+permute,kv:2+untrained,none"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    save_tiny_runs(folder)
    return folder


def _evaluate(checkpoint: Path, out: Path, *arguments: str) -> int:
    games = ["--env", "household", "--games", "4", "--max-steps", "4", "--batch-size", "4"]
    return evaluate.main([*games, "--checkpoint", str(checkpoint), "--out", str(out), *arguments])


def _episodes(folder: Path) -> dict[tuple[str, int, str], EpisodeRecord]:
    return {of.key: of for of in read_episodes(folder)}


@pytest.fixture(scope="module")
def played(runs: Path) -> Path:
    """All conditions of a stage 1 run, whose actor differs in width from the sender it was trained on."""
    assert _evaluate(runs / "stage1", runs / "played", "--conditions", CONDITIONS) == 0
    return runs / "played"


def test_every_condition_plays_every_game(played: Path):
    episodes = _episodes(played)
    assert len(episodes) == 4 * 7
    assert list(dict.fromkeys(of.condition for of in episodes.values())) == CONDITIONS.split(",")
    for of in episodes.values():
        assert (of.message_seconds > 0) is (of.message == "kv")


def test_alone_and_resumed_are_the_same_episodes(runs: Path, played: Path):
    """One half is played one by one; the other is lost in the middle of a line and played again in what batches are left."""
    whole = _episodes(played)
    lines = (played / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    torn = runs / "torn"
    torn.mkdir()
    (torn / "settings.json").write_bytes((played / "settings.json").read_bytes())
    (torn / "episodes.jsonl").write_bytes(b"".join(lines[1::2]) + lines[0][:20])
    assert _evaluate(runs / "stage1", torn, "--conditions", CONDITIONS, "--batch-size", "1", "--resume") == 0
    assert {key: of.actions for key, of in _episodes(torn).items()} == {key: of.actions for key, of in whole.items()}


def test_a_plain_model_reasons_and_acts(runs: Path):
    """The folder that the stage 1 run began with, untouched; no latents without an adapter."""
    base, out = runs / "actor", runs / "plain"
    assert _evaluate(base, out, "--conditions", "kv:2,kv:2+cross-task,text,none") == 0
    assert len(_episodes(out)) == 4 * 4
    assert {path.name for path in base.iterdir()} == {path.name for path in (runs / "sender").iterdir()}


def test_a_plain_model_reads_no_latents(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert _evaluate(runs / "actor", runs / "refused", "--message", "latent") != 0
    told = " ".join(capsys.readouterr().err.split())
    assert "is a model without an adapter, which reads no latents; take --message kv, text or none" in told
    assert not (runs / "refused").exists()


def test_only_of_a_plain_model_view_and_form_may_be_chosen(runs: Path):
    chosen = load_actor_policy(runs / "actor", [], "kv", None, 2, 0, view="task", form="react")
    assert (chosen.source.sender.view, chosen.actor.conversation.form) == ("task", "react")
    policy = load_actor_policy(runs / "actor", [], "kv", None, 2, 0)
    assert (policy.source.sender.view, policy.actor.conversation.form) == ("house", "action")
    for asked in ({"view": "task"}, {"form": "react"}):
        with pytest.raises(InvalidSetting, match=r"is a trained run, .* leave view and form out, got"):
            load_actor_policy(runs / "stage1", [], "kv", None, 2, 0, **asked)
