"""Training a trace under Lightning: what moves and what stays, resuming to the bit, and the run folder that agents are loaded from."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from tiny_agents import prepared, quiet_trainer, save_tiny_lm
from torch import Tensor

from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.trace_agents import TraceAgents
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_folder import load_collaboration, trace_settings, trained_on
from interlat.agents.trace_settings import Gradient, TraceSettings
from interlat.data.prompt_targets import PromptTargets
from interlat.errors import CheckpointMismatch, InvalidSetting
from interlat.models.backbone import causal_lm
from interlat.models.decoding import Sampling
from interlat.models.load import load_causal_lm
from interlat.models.lora import Lora
from interlat.training.callbacks import export_run
from interlat.training.trace_data import TraceDataModule
from interlat.training.trace_stage import TraceStage

MODES: list[Gradient] = ["bptt", "bptt_last", "detached", "receiver_only", "per_agent"]
ROWS = [
    {"prompt": f"{a} and {b}?", "target": f"It is {a + b}." + " Surely." * (b % 3), "name": f"{a}+{b}"}
    for a in range(3)
    for b in range(4)
]
STEPS, ACCUMULATED = 4, 2  # optimizer steps of two batches: three steps an epoch of six batches


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny backbone, three agents with roles of their own, and problems."""
    folder = tmp_path_factory.mktemp("trace")
    roles = {"one": "Plan it: {question}", "two": "Mend it: {question}", "three": "Say it: {question}\n\n{answer}"}
    for name, text in roles.items():
        (folder / f"{name}.txt").write_text(text)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    save_tiny_lm(folder / "lm", texts=(*roles.values(), *(row["target"] for row in ROWS)))
    return folder


def _stage(place: Path, mode: Gradient = "bptt", dropout: float = 0.1, **settings: Any) -> TraceStage:
    agents = tuple(Collaborator(name, str(place / f"{name}.txt")) for name in ("one", "two", "three"))
    lora = Lora(rank=2, alpha=4.0, dropout=dropout, target_modules=("q_proj", "k_proj", "v_proj", "o_proj"))
    made = TraceSettings(str(place / "lm"), cast=agents, latent_steps=1, gradient=mode, lora=lora)
    return TraceStage(made, **{"optimizer": lambda groups: torch.optim.AdamW(groups, lr=1e-2), **settings})


def _data(place: Path, **settings: Any) -> TraceDataModule:
    return TraceDataModule(PromptTargets(str(place / "rows.jsonl")), **{"num_games": 12, "batch_size": 2, **settings})


class Tape(Callback):
    """The loss of every batch, and what was logged."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.logged: dict[str, Tensor] = {}

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses.append(float(outputs["loss"]))
        self.logged |= trainer.callback_metrics


class SaveBehind(Callback):
    """Saves behind one batch and ends the run there."""

    def __init__(self, batch: int, path: Path) -> None:
        self.batch, self.path = batch, path

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.fit_loop.total_batch_idx + 1 == self.batch:
            trainer.save_checkpoint(self.path)
            raise KilledError


class KilledError(Exception):
    """What stops a run here."""


def _fit(
    stage: TraceStage, data: TraceDataModule, *callbacks: Callback, ckpt_path: Any = None, **settings: Any
) -> Tape:
    tape = Tape()
    defaults = {"accumulate_grad_batches": ACCUMULATED, "log_every_n_steps": 1}
    quiet_trainer(STEPS, tape, *callbacks, **{**defaults, **settings}).fit(stage, data, ckpt_path=ckpt_path)
    return tape


def _weights(stage: TraceStage) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in stage.named_parameters() if value.requires_grad}


@pytest.fixture(scope="module")
def whole(place: Path) -> tuple[TraceStage, Tape]:
    """A run of four steps that nothing stopped."""
    stage = _stage(place)
    return stage, _fit(stage, _data(place))


@pytest.mark.parametrize("mode", MODES)
def test_adapters_learn_and_the_backbone_stays_to_the_bit(place: Path, mode: Gradient):
    stage, data = _stage(place, mode, dropout=0.0), _data(place)
    prepared(stage, data)
    before = _weights(stage)
    tape = _fit(stage, data, accumulate_grad_batches=1, max_epochs=None)
    after = _weights(stage)
    assert not any(torch.equal(before[name], after[name]) for name in before)
    frozen = {name: value for name, value in stage.named_parameters() if not value.requires_grad}
    original = dict(load_causal_lm(place / "lm")[0].named_parameters())
    assert len(frozen) == len(original)
    for name, value in frozen.items():
        plain = name.removeprefix("lm.base_model.model.").replace(".base_layer.", ".")
        assert torch.equal(value, original[plain])
    adapters = {"per_agent": 3}.get(mode, 1)
    assert len(after) == adapters * 2 * 4 * 2, "A and B of four matrices in two layers"
    assert len(tape.losses) == STEPS
    pulled = {name for name in tape.logged if name.startswith("train/gradient_norm_entries_")}
    assert pulled == {"train/gradient_norm_entries_one", "train/gradient_norm_entries_two"}
    assert all(tape.logged[name] > 0 for name in pulled)


def test_training_lowers_the_loss(place: Path):
    tape = Tape()
    stage = _stage(place, dropout=0.0)
    quiet_trainer(18, tape, accumulate_grad_batches=1).fit(stage, _data(place))
    assert sum(tape.losses[-6:]) < 0.9 * sum(tape.losses[:6])


@pytest.mark.parametrize("recomputation", ["none", "agent"])
def test_a_run_is_the_same_whatever_is_computed_again(place: Path, whole: tuple[TraceStage, Tape], recomputation: str):
    stage = _stage(place, recomputation=recomputation)
    assert _fit(stage, _data(place)).losses == pytest.approx(whole[1].losses, rel=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 6, 7])
def test_a_run_goes_on_to_the_bit_behind_any_batch(
    place: Path, whole: tuple[TraceStage, Tape], tmp_path: Path, batch: int
):
    """Saved in the middle of an accumulation (1, 7), at an optimizer step (2), at the end of an epoch (6)."""
    finished, tape = whole
    with pytest.raises(KilledError):
        _fit(_stage(place), _data(place), SaveBehind(batch, tmp_path / "one.ckpt"))
    resumed = _stage(place)
    assert _fit(resumed, _data(place), ckpt_path=tmp_path / "one.ckpt").losses == tape.losses[batch:]
    assert len(set(tape.losses)) == STEPS * ACCUMULATED
    for name, value in _weights(resumed).items():
        assert torch.equal(value, _weights(finished)[name])


@pytest.mark.parametrize("mode", ["bptt", "receiver_only", "per_agent"])
def test_agents_of_a_run_folder_say_what_was_taught(place: Path, tmp_path: Path, mode: Gradient):
    """Loaded agents give the loss that the stage ends with, and roles of one's own travel with the folder."""
    stage, data = _stage(place, mode, dropout=0.0), _data(place)
    quiet_trainer(6, accumulate_grad_batches=1).fit(stage, data)
    export_run(stage, tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["adapters", "roles", "stage.json"]
    assert trained_on(tmp_path / "run") == {f"rows/{row['name']}" for row in ROWS}
    team = load_collaboration(tmp_path / "run", sampling=Sampling(max_new_tokens=12))
    assert team.settings.latent_steps == 1
    assert team.settings.sampling == Sampling(max_new_tokens=12)
    question = Question(ROWS[7]["prompt"], "expression")
    stage.lm.eval()
    with torch.no_grad():
        batch = stage.agents.batch([question], [ROWS[7]["target"]])
        logits, targets = stage.agents.predictions(batch, stage.agents.heard(batch))
    loaded = TraceAgents(trace_settings(tmp_path / "run"), team.models[str(place / "lm")], stage.tokenizer)
    with torch.no_grad():
        again, _ = loaded.predictions(batch, loaded.heard(batch))
    assert torch.equal(logits, again)
    assert len(targets) > 3
    assert team.answer([question])[0].accounts[0].latent_steps == 1
    assert not torch.equal(_read(team, question), _read(team, question, bare=True)), "adapters are on"


@torch.no_grad()
def _read(team: TraceCollaboration, question: Question, *, bare: bool = False) -> Tensor:
    """The last agent's state behind its own prompt."""
    last, adapters = team.settings.agents[-1], team.adapters
    team.adapters = dict.fromkeys(adapters) if bare else adapters
    state = team.read(last, [question], [], Ledger(last.name, 1, torch.device("cpu")))[1]
    team.adapters = adapters
    return state


def test_a_folder_that_is_no_trace_is_refused(place: Path, tmp_path: Path):
    with pytest.raises(CheckpointMismatch, match="wanted a finished run"):
        load_collaboration(tmp_path)
    (tmp_path / "stage.json").write_text('{"stage": "actor"}')
    with pytest.raises(CheckpointMismatch, match="wanted a run of stage 'trace'"):
        load_collaboration(tmp_path)


def test_a_damaged_folder_and_a_changed_backbone_are_refused(place: Path, tmp_path: Path):
    stage, data = _stage(place), _data(place)
    quiet_trainer(1).fit(stage, data)
    export_run(stage, tmp_path / "run")
    (tmp_path / "run" / "adapters" / "adapter_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointMismatch, match="does not hold the adapters"):
        load_collaboration(tmp_path / "run")
    content = json.loads((tmp_path / "run" / "stage.json").read_text())
    (tmp_path / "run" / "stage.json").write_text(json.dumps({**content, "tokenizer": "another"}))
    with pytest.raises(CheckpointMismatch, match="with another tokenizer"):
        load_collaboration(tmp_path / "run")


def test_transformers_own_checkpointing_is_refused(place: Path):
    """It would leave the cache empty: agents would be deaf, and the loss would still fall."""
    stage, data = _stage(place), _data(place)
    prepared(stage, data)
    causal_lm(stage.lm).activation_checkpointing_enable()
    with pytest.raises(InvalidSetting, match="set recomputation: reading"):
        _fit(stage, data)


def test_validation_tells_what_the_trace_is_worth(place: Path):
    """Held-out problems, with the trace and with the last agent alone."""
    stage, data = _stage(place), _data(place, num_games=8, num_validation=4)
    trainer = quiet_trainer(4, accumulate_grad_batches=1, limit_val_batches=2)
    trainer.fit(stage, data)
    values = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
    assert set(values) == {"val/loss", "val/loss_alone"}
    assert values["val/loss"] != values["val/loss_alone"]
    assert {each.name for each in data.validation}.isdisjoint(data.provenance()["trained_on"])
