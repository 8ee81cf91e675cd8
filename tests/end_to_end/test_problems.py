"""Table 2 from nothing: a tiny base, plans with latents, solver, CoT, No-CoT, compressor, evaluation by level; on procedural arithmetic."""

import json
import sys
from pathlib import Path

import pytest

from interlat.cli import evaluate, lightning, report
from interlat.data.latent_store import LatentStore
from interlat.data.reasoning import Arithmetic
from interlat.evaluation.episodes import read_episodes

RECIPES = Path(__file__).parents[2] / "recipes"
CONDITIONS = "latent,latent:8,text,none,latent+cross-task"
TINY = ["--model.init_args.shape.hidden_size", "32", "--model.init_args.shape.num_layers", "2"]  # size alone


def _fit(recipe: str, *arguments: str, overlay: str | None = None) -> int:
    layers = [RECIPES / "math" / f"{recipe}.yaml", RECIPES / "overlays" / "debug.yaml"]
    layers += [] if overlay is None else [RECIPES / "overlays" / f"{overlay}.yaml"]
    return lightning.main(["fit", *(part for layer in layers for part in ("-c", str(layer))), *arguments])


def _evaluate(run: str, *arguments: str) -> int:
    settings = ["--env", "arithmetic", "--games", "10", "--answer-tokens", "12", "--batch-size", "5"]
    return evaluate.main([*settings, "--checkpoint", f"checkpoints/math/{run}", *arguments])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which every command of the recipes' headers has run once."""
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        assert _fit("embedded-base", *TINY, "--data.init_args.num_validation", "4") == 0
        assert _fit("embedded-stage1") == 0
        assert _fit("embedded-stage2") == 0
        for overlay in ("cot", "no-cot"):
            assert _fit("embedded-stage1", "--run_folder", f"checkpoints/math/embedded-{overlay}", overlay=overlay) == 0
        assert _evaluate("embedded-stage2", "--conditions", CONDITIONS) == 0
        assert _evaluate("embedded-cot", "--message", "text") == 0
        assert _evaluate("embedded-no-cot", "--message", "none") == 0
    return folder


def _results(project: Path, run: str) -> Path:
    (results,) = project.glob(f"checkpoints/math/{run}/evaluation/*/results.json")
    return results


def test_plans_are_collected_from_the_planner_s_prompt(project: Path):
    (folder,) = project.glob("data/latents-*")
    store = LatentStore(folder, verify=True)
    assert len(store) == 24
    assert (store.provenance["view"], store.provenance["plans"]) == ("problem", "written")
    plans = {problem.game_id: " ".join(problem.plan) for problem in Arithmetic().games("train", 24)}
    assert {message.task_id: message.plan for message in store} == plans


def test_every_variant_of_the_table_has_numbers_overall_and_by_level(project: Path):
    rows = {"embedded-stage2": CONDITIONS.split(","), "embedded-cot": ["text"], "embedded-no-cot": ["none"]}
    for run, conditions in rows.items():
        results = json.loads(_results(project, run).read_text())
        assert list(results["conditions"]) == conditions
        for condition in results["conditions"].values():
            assert condition["episodes"] == 10
            low, high = condition["ci95"]
            assert 0 <= low < high <= 1
            assert low - 1e-9 <= condition["success_rate"] <= high + 1e-9
            levels = condition["by_task_type"]
            assert {name: of["games"] for name, of in levels.items()} == {f"level {n}": 2 for n in range(1, 6)}


def test_all_variants_solve_the_same_problems_and_answers_are_capped(project: Path):
    solved = [
        read_episodes(_results(project, run).parent) for run in ("embedded-stage2", "embedded-cot", "embedded-no-cot")
    ]
    wanted = {problem.game_id for problem in Arithmetic().games("unseen", 10)}
    for episodes in solved:
        assert {episode.game_id for episode in episodes} == wanted
        assert all(episode.steps == 1 and episode.output_tokens <= 12 for episode in episodes)


def test_the_rows_of_several_runs_stand_in_one_table(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project / "checkpoints" / "math")
    assert report.main(["embedded-stage2", "embedded-cot", "embedded-no-cot"]) == 0
    shown = capsys.readouterr().out
    assert "arithmetic unseen: accuracy %" in shown
    assert "level 5" in shown
    assert "McNemar" in shown


def test_an_evaluation_that_is_finished_is_not_played_again(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project)
    episodes = _results(project, "embedded-cot").parent / "episodes.jsonl"
    before = episodes.read_bytes()
    assert _evaluate("embedded-cot", "--message", "text", "--resume") == 0
    assert episodes.read_bytes() == before
    with episodes.open("wb") as file:  # killed in the middle of a line
        file.write(before[: len(before) // 2])
    assert _evaluate("embedded-cot", "--message", "text", "--resume") == 0
    again = {episode.game_id: episode.actions for episode in read_episodes(episodes.parent)}
    episodes.write_bytes(before)
    assert again == {episode.game_id: episode.actions for episode in read_episodes(episodes.parent)}


def test_an_answer_cap_is_part_of_the_protocol(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project)
    assert _evaluate("embedded-cot", "--message", "text", "--resume", "--answer-tokens", "13") == 1
    assert "answer_tokens: 12 there, 13 asked for" in capsys.readouterr().err


def test_scripted_policies_that_play_games_are_refused(capsys: pytest.CaptureFixture[str]):
    assert evaluate.main(["--env", "arithmetic", "--policy", "expert"]) == 2
    assert "take --policy actor, or --policy walkthrough" in capsys.readouterr().err
    assert evaluate.main(["--env", "arithmetic", "--policy", "walkthrough", "--games", "5"]) == 0
    assert "100 [57,100]" in capsys.readouterr().out
