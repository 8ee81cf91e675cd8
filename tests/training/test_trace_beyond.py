"""A trace with all that goes beyond the paper, under Lightning: what is logged, resumed to the bit, refused, and kept in the run folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from safetensors.torch import load_file, save_file
from tiny_agents import prepared, quiet_trainer, save_tiny_lm
from torch import Tensor

from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.trace_agents import TraceAgents
from interlat.agents.trace_folder import load_collaboration, trace_settings
from interlat.agents.trace_settings import CommunicationSettings, TraceSettings
from interlat.data.prompt_targets import PromptTargets
from interlat.errors import CheckpointMismatch, InvalidSetting
from interlat.models.decoding import Sampling
from interlat.models.lora import Lora
from interlat.training.callbacks import export_run
from interlat.training.trace_data import TraceDataModule
from interlat.training.trace_stage import TraceStage
from interlat.training.trace_steps import LearntSteps

ROWS = [
    {"prompt": f"{a} and {b}?", "target": f"It is {a + b}." + " Surely." * (b % 3)} for a in range(3) for b in range(4)
]
BEYOND: dict[str, Any] = {
    "separation_weight": 0.5,
    "alignment_weight": 0.2,
    "learnt_steps": LearntSteps(step_cost=0.05),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny backbone, three agents with roles of their own, and problems."""
    folder = tmp_path_factory.mktemp("beyond")
    roles = {"one": "Plan: {question}", "two": "Mend: {question}\n\n{heard}", "three": "Say: {question}\n\n{heard}"}
    for name, text in roles.items():
        (folder / f"{name}.txt").write_text(text)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    save_tiny_lm(folder / "lm", hidden_size=16, texts=(*roles.values(), *(row["target"] for row in ROWS)))
    return folder


def _settings(place: Path, **settings: Any) -> TraceSettings:
    agents = tuple(Collaborator(name, str(place / f"{name}.txt")) for name in ("one", "two", "three"))
    defaults = {
        "cast": agents,
        "latent_steps": 3,
        "lora": Lora(rank=2, alpha=4.0, dropout=0.1, target_modules=("q_proj", "v_proj")),
        "communication_adapter": CommunicationSettings(heads=4, dropout=0.1, start="random"),
        "words": Sampling(temperature=0.0, max_new_tokens=3),
    }
    return TraceSettings(str(place / "lm"), **{**defaults, **settings})


def _stage(place: Path, trace: dict[str, Any] | None = None, **settings: Any) -> TraceStage:
    defaults = {"optimizer": lambda groups: torch.optim.AdamW(groups, lr=1e-2), "warmup_share": 0.0, **BEYOND}
    return TraceStage(_settings(place, **(trace or {})), **{**defaults, **settings})


def _data(place: Path, **settings: Any) -> TraceDataModule:
    return TraceDataModule(PromptTargets(str(place / "rows.jsonl")), **{"num_games": 8, "batch_size": 2, **settings})


class Tape(Callback):
    """The loss of every batch and what was logged; saves behind one batch, and may end the run there."""

    def __init__(self, path: Path, behind: int | None = None, *, ends: bool = False) -> None:
        self.losses: list[float] = []
        self.logged: dict[str, float] = {}
        self.path, self.behind, self.ends = path, behind, ends

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses.append(float(outputs["loss"]))
        self.logged |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        if trainer.fit_loop.total_batch_idx + 1 == self.behind:
            trainer.save_checkpoint(self.path)
            if self.ends:
                raise KilledError


class KilledError(Exception):
    """What stops a run here."""


def _fit(stage: TraceStage, data: TraceDataModule, tape: Tape, ckpt_path: Any = None) -> Tape:
    trainer = quiet_trainer(3, tape, accumulate_grad_batches=2, log_every_n_steps=1)
    trainer.fit(stage, data, ckpt_path=ckpt_path)
    return tape


def _weights(stage: TraceStage) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in stage.named_parameters() if value.requires_grad}


@pytest.fixture(scope="module")
def whole(place: Path) -> tuple[TraceStage, Tape]:
    """A run of three steps of two batches that nothing stopped."""
    stage = _stage(place)
    return stage, _fit(stage, _data(place), Tape(place / "none.ckpt"))


@pytest.mark.parametrize("batch", [3, 4])
def test_a_run_goes_on_to_the_bit_with_everything_on(
    place: Path, whole: tuple[TraceStage, Tape], tmp_path: Path, batch: int
):
    """Steps are drawn, and compared with past costs, as if nothing had happened; in the middle of an accumulation (3) too."""
    finished, tape = whole
    with pytest.raises(KilledError):
        _fit(_stage(place), _data(place), Tape(tmp_path / "one.ckpt", batch, ends=True))
    resumed = _stage(place)
    assert _fit(resumed, _data(place), Tape(tmp_path / "two.ckpt"), tmp_path / "one.ckpt").losses == tape.losses[batch:]
    for name, value in _weights(resumed).items():
        assert torch.equal(value, _weights(finished)[name]), name
    assert resumed.steps.baseline.state() == finished.steps.baseline.state()


def test_everything_learns_and_is_logged(place: Path, whole: tuple[TraceStage, Tape]):
    stage, tape = whole
    fresh = prepared(_stage(place), _data(place))
    before, after = _weights(fresh), _weights(stage)
    assert before.keys() == after.keys()
    kinds = ("lm.", "communication.default.", "steps.choice.")
    assert all(any(name.startswith(kind) for name in after) for kind in kinds)
    assert not any(torch.equal(before[name], after[name]) for name in before if "in_proj_bias" not in name)
    wanted = {
        "separation",
        "alignment",
        "loss_task",
        "steps_one",
        "steps_two",
        "steps_entropy_one",
        "steps_entropy_two",
    }
    assert {f"train/{name}" for name in wanted} <= set(tape.logged)
    assert 0 < tape.logged["train/separation"] < 0.6932
    assert 1 <= tape.logged["train/steps_one"] <= 3
    assert len(set(tape.losses)) == 6


def test_the_loss_is_the_weighted_sum(place: Path, whole: tuple[TraceStage, Tape]):
    """L_task − 0.5 JS + 0.2 L_align + 0.05 ΣK, of the last batch; ΣK is a whole number of steps."""
    logged = whole[1].logged
    rest = logged["train/loss"] - logged["train/loss_task"]
    steps = (rest + 0.5 * logged["train/separation"] - 0.2 * logged["train/alignment"]) / 0.05
    assert steps == pytest.approx(round(steps), abs=1e-3)
    assert 2 <= round(steps) <= 6


def test_the_choice_has_a_rate_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(TraceStage, "scheduled", lambda self, optimizer, *_: {"optimizer": optimizer})
    stage = prepared(_stage(place, learnt_steps=LearntSteps(lr_scale=7.0)), _data(place))
    groups = stage.configure_optimizers()["optimizer"].param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.01, 0.07])
    assert [len(group["params"]) for group in groups] == [len(_weights(stage)) - 2, 2]
    plain = prepared(_stage(place, learnt_steps=None), _data(place))
    assert len(plain.configure_optimizers()["optimizer"].param_groups) == 1


def test_agents_of_a_run_folder_are_those_that_were_taught(place: Path, whole: tuple[TraceStage, Tape], tmp_path: Path):
    """Thoughts by the adapter, as many as each agent most likely takes; logits of the folder's agents are the stage's to the bit."""
    stage, _ = whole
    with torch.no_grad():
        stage.steps.choice.logits[0].copy_(torch.tensor([0.0, 2.0, 1.0]))
        stage.steps.choice.logits[1].copy_(torch.tensor([3.0, 2.0, 1.0]))
    export_run(stage, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "stage.json").read_text())
    assert [each["latent_steps"] for each in content["trace"]["cast"]] == [2, 1, None]
    assert sum(content["step_probabilities"]["one"]) == pytest.approx(1)
    settings, team = (
        trace_settings(tmp_path / "run"),
        load_collaboration(tmp_path / "run", sampling=Sampling(max_new_tokens=4)),
    )
    assert settings.communication_adapter == CommunicationSettings(heads=4, dropout=0.1, start="random")
    question = Question(ROWS[7]["prompt"], "expression")
    (answered,) = team.answer([question])
    assert [account.latent_steps for account in answered.accounts] == [2, 1, 0]
    stage.eval()
    loaded = TraceAgents(
        settings, team.models[str(place / "lm")], stage.tokenizer, communication=_modules(team, stage.communication)
    )
    with torch.no_grad():
        batch = stage.agents.batch([question], [ROWS[7]["target"]])
        heard = stage.agents.heard(batch, steps=stage.steps.choice.likeliest())
        logits, _ = stage.agents.predictions(batch, heard)
        again, _ = loaded.predictions(batch, loaded.heard(batch))
    assert torch.equal(logits, again)
    file = tmp_path / "run" / "communication.safetensors"
    save_file({name: value for name, value in load_file(file).items() if "outer" not in name}, file)
    with pytest.raises(CheckpointMismatch, match="does not hold the communication adapters"):
        load_collaboration(tmp_path / "run")


def _modules(team: Any, like: torch.nn.ModuleDict) -> torch.nn.ModuleDict:
    """The loaded team's own adapters, which both of its thinking agents share."""
    assert team._learnt["one"].adapter is team._learnt["two"].adapter
    assert team._learnt["one"].adapter is not like["default"]
    return torch.nn.ModuleDict({"default": team._learnt["one"].adapter})


def test_validation_tries_another_problem_s_trace_where_asked(place: Path):
    """With a separation, or by itself: a run that was not taught it is measured alike."""
    for settings, more in (
        ({"validate_swapped": True, "separation_weight": 0.0, "alignment_weight": 0.0, "learnt_steps": None}, set()),
        ({}, {"val/loss_told"}),
    ):
        stage, data = _stage(place, **settings), _data(place, num_games=8, num_validation=3)
        trainer = quiet_trainer(1, limit_val_batches=2, val_check_interval=1)
        trainer.fit(stage, data)
        values = {name for name in trainer.callback_metrics if name.startswith("val/")}
        assert values == {"val/loss", "val/loss_alone", "val/loss_swapped", "val/separation"} | more


@pytest.mark.parametrize("data", [{"batch_size": 1}, {"num_games": 1}])
def test_batches_of_one_are_refused_before_training(place: Path, data: dict[str, Any]):
    with pytest.raises(InvalidSetting, match=r"raise data\.batch_size to at least 2"):
        _fit(_stage(place), _data(place, **data), Tape(place / "none.ckpt"))


@pytest.mark.parametrize(
    "asked",
    [
        {"separation_weight": 0.1},
        {"validate_swapped": True},
        {"alignment_weight": 0.1},
        {"learnt_steps": LearntSteps()},
    ],
)
@pytest.mark.parametrize("trace", [{"cast": "single"}, {"channel": "words", "gradient": "receiver_only"}])
def test_what_is_asked_of_a_trace_wants_one(place: Path, trace: dict[str, Any], asked: dict[str, Any]):
    with pytest.raises(InvalidSetting, match="are asked of a trace, and none travels here"):
        TraceStage(_settings(place, communication_adapter=None, **trace), **asked)


def test_what_is_off_leaves_no_trace_of_itself(place: Path):
    """A stage that asks for nothing beyond the paper: the parameters, the checkpoint and the log of before."""
    stage, tape = (
        _stage(place, {"communication_adapter": None}, separation_weight=0.0, alignment_weight=0.0, learnt_steps=None),
        None,
    )
    tape = _fit(stage, _data(place), Tape(place / "off.ckpt", 4))
    kept = torch.load(place / "off.ckpt", weights_only=False)
    assert all(name.startswith("lm.") for name in kept["state_dict"])
    assert "step_baseline" not in kept
    named = {
        name for name in tape.logged if not name.startswith(("train/gradient_norm", "train/loss_", "train/tokens_"))
    }
    assert named == {"train/loss", "train/tokens"}
