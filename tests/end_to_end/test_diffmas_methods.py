"""What a trace has learnt, played from the command line beside agents as they come."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_agents import quiet_trainer, save_tiny_lm
from tiny_collaborations import QUESTIONS

from interlat.agents.trace_settings import TraceSettings
from interlat.cli import evaluate
from interlat.data.reasoning import Arithmetic
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep
from interlat.models.lora import Lora
from interlat.training.callbacks import export_run
from interlat.training.trace_data import TraceDataModule
from interlat.training.trace_stage import TraceStage

METHODS = "latent-mas:2,diffmas,diffmas+zero,diffmas+cross-task,single"


def _trained(folder: Path, **changes: Any) -> Path:
    """Tiny agents, taught for three steps at a rate that shows."""
    save_tiny_lm(folder / "lm", texts=tuple(question.text for question in QUESTIONS))
    lora = Lora(rank=2, alpha=4.0, dropout=0.0, target_modules=("q_proj", "v_proj"))
    settings = TraceSettings(str(folder / "lm"), latent_steps=2, lora=lora, **changes)
    stage = TraceStage(settings, optimizer=lambda groups: torch.optim.AdamW(groups, lr=0.3), warmup_share=0.0)
    data = TraceDataModule(Arithmetic(), num_games=6, batch_size=2, split="unseen")
    quiet_trainer(3, accumulate_grad_batches=1).fit(stage, data)
    export_run(stage, folder / "trained")
    return folder / "trained"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four agents with a trace."""
    return _trained(tmp_path_factory.mktemp("run"))


def test_what_was_learnt_is_compared_with_agents_as_they_come(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    arguments = [
        "--checkpoint",
        str(run),
        "--env",
        "arithmetic",
        "--games",
        "12",
        "--answer-tokens",
        "6",
        "--temperature",
        "0",
    ]
    assert evaluate.main(["--method", METHODS, *arguments, "--out", str(out)]) == 0
    assert "Left out: 6 problems that the checkpoint was trained on." in capsys.readouterr().out
    records = [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]
    assert len(records) == 5 * 6
    answers = {
        name: [record["actions"] for record in records if (record["message"], record["control"]) == name]
        for name in (("latent-mas", None), ("diffmas", None), ("diffmas", "zero"))
    }
    assert answers["diffmas", None] != answers["latent-mas", None]
    assert answers["diffmas", None] != answers["diffmas", "zero"]
    cost = json.loads((out / "results.json").read_text())["conditions"]["diffmas"]["cost_by_agent"]
    assert [of["latent_steps"] for of in cost.values()] == [2, 2, 2, 0]
    assert json.loads((out / "settings.json").read_text())["trace"]["gradient"] == "bptt"


@pytest.mark.parametrize("cast", ["sequential", "single"])
def test_a_last_agent_taught_on_words_or_alone_is_compared_too(cast: str, tmp_path: Path):
    """As good as untaught where its adapter says nothing, other answers where it does; whoever writes is the bare backbone."""
    words = {"gradient": "receiver_only", "channel": "words", "words": Sampling(max_new_tokens=4)}
    run, out = _trained(tmp_path, cast=cast, **(words if cast != "single" else {})), tmp_path / "out"
    untaught = "text-mas" if cast != "single" else "single"
    arguments = ["--env", "arithmetic", "--games", "9", "--answer-tokens", "6", "--temperature", "0", "--out", str(out)]
    assert evaluate.main(["--method", f"{untaught},sft", "--checkpoint", str(run), *arguments]) == 0
    records = [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]
    by = {kind: [each for each in records if each["message"] == kind] for kind in (untaught, "sft")}
    assert [each["texts"] for each in by[untaught]] == [each["texts"] for each in by["sft"]]
    assert [each["actions"] for each in by[untaught]] != [each["actions"] for each in by["sft"]]


def test_a_run_is_played_with_what_it_was_trained_to_keep(tmp_path: Path):
    """Three agents' latents of two steps each and nothing of their prompts; a flag of one's own goes before."""
    run = _trained(tmp_path, cast="sequential", keep=Keep(kinds="latents"))
    arguments = ["--method", "diffmas,diffmas:4", "--checkpoint", str(run), "--env", "arithmetic", "--games", "8"]
    sent = {}
    for name, more in (("trained", []), ("all", ["--keep", "{kinds: all}"])):
        out = tmp_path / name
        assert evaluate.main([*arguments, *more, "--answer-tokens", "2", "--out", str(out)]) == 0
        of = json.loads((out / "results.json").read_text())["conditions"]
        sent[name] = [
            [each["kv_bytes"] for each in of[key]["cost_by_agent"].values()] for key in ("diffmas", "diffmas:4")
        ]
    two, four = sent["trained"]
    assert two[0] == 0
    assert two[2] == 2 * two[1]
    assert two[3] == 3 * two[1]
    assert four == [2 * size for size in two]
    assert min(sent["all"][0][1:]) > max(two)


def test_a_trace_and_words_are_not_taken_for_each_other(run: Path, capsys: pytest.CaptureFixture[str]):
    assert evaluate.main(["--method", "single,sft", "--checkpoint", str(run), "--env", "arithmetic"]) == 2
    assert "is played by diffmas, got sft; write --method diffmas" in capsys.readouterr().err


def test_nothing_is_evaluated_on_what_was_learnt(run: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["--checkpoint", str(run), "--env", "arithmetic", "--games", "6"]
    assert evaluate.main(["--method", "diffmas", *arguments]) == 2
    assert "trained on every problem asked for" in capsys.readouterr().err
