"""What a trace has learnt, played from the command line beside agents as they come."""

import json
from pathlib import Path

import pytest
import torch
from tiny_agents import quiet_trainer, save_tiny_lm
from tiny_collaborations import QUESTIONS

from interlat.agents.trace_settings import TraceSettings
from interlat.cli import evaluate
from interlat.data.reasoning import Arithmetic
from interlat.models.lora import Lora
from interlat.training.callbacks import export_run
from interlat.training.trace_data import TraceDataModule
from interlat.training.trace_stage import TraceStage

METHODS = "latent-mas:2,diffmas,diffmas+zero,diffmas+cross-task,single"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiny agents, taught for three steps at a rate that shows."""
    folder = tmp_path_factory.mktemp("run")
    save_tiny_lm(folder / "lm", texts=tuple(question.text for question in QUESTIONS))
    lora = Lora(rank=2, alpha=4.0, dropout=0.0, target_modules=("q_proj", "v_proj"))
    settings = TraceSettings(str(folder / "lm"), cast="sequential", latent_steps=2, lora=lora)
    stage = TraceStage(settings, optimizer=lambda groups: torch.optim.AdamW(groups, lr=0.3), warmup_share=0.0)
    data = TraceDataModule(Arithmetic(), num_games=6, batch_size=2, split="unseen")
    quiet_trainer(3, accumulate_grad_batches=1).fit(stage, data)
    export_run(stage, folder / "trained")
    return folder / "trained"


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


def test_nothing_is_evaluated_on_what_was_learnt(run: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["--checkpoint", str(run), "--env", "arithmetic", "--games", "6"]
    assert evaluate.main(["--method", "diffmas", *arguments]) == 2
    assert "trained on every problem asked for" in capsys.readouterr().err
