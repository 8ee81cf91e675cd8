"""What is saved comes back and computes the same, whatever it was built on; what is not whole is refused by name."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_models import save_foreign
from safetensors.torch import load_file
from torch import Tensor

from interlat.agents.actor import Actor, ActorSettings, NoAdapter
from interlat.agents.compressor import Compressor, CompressorSettings
from interlat.agents.run_folder import (
    actor_settings,
    carry_actor,
    compressor_settings,
    load_actor,
    load_compressor,
    read_stage,
    save_actor,
    save_compressor,
)
from interlat.errors import CheckpointMismatch
from interlat.models import Lora
from interlat.splice import Segments, lay_out

PROMPTS = [[5, 60, 7, 99], [44, 81]]


def _scattered(module: torch.nn.Module) -> None:
    """Move all that is trained, as training would."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).to(parameter))


def _saved_actor(settings: ActorSettings, folder: Path) -> Actor:
    torch.manual_seed(7)  # of LoRA and adapter
    actor = Actor.build(settings)
    _scattered(actor)
    folder.mkdir(parents=True, exist_ok=True)
    save_actor(actor, folder)
    _write_stage(folder, stage="actor", actor=asdict(settings), sender_dim=settings.sender_dim or actor.width)
    return actor.eval()


def _saved_compressor(settings: CompressorSettings, folder: Path) -> Compressor:
    compressor = Compressor.build(settings)
    _scattered(compressor)
    folder.mkdir(parents=True, exist_ok=True)
    save_compressor(compressor, folder)
    _write_stage(folder, stage="compression", compressor=asdict(settings))
    return compressor.eval()


def _write_stage(folder: Path, **content: Any) -> None:
    (folder / "stage.json").write_text(json.dumps(content))


def _logits(actor: Actor, sender_dim: int) -> Tensor:
    bop, eop = actor.boundary
    rows = [Segments([5, 6], [7, 8, bop, eop, 9], [True] * 5, 3)]
    message = torch.randn(3, sender_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return actor.predict(lay_out(rows, actor.boundary, 2), actor.adapt([message])).logits


LORA = Lora(rank=2, alpha=5.0, dropout=0.3, target_modules=("q_proj", "up_proj"))
kinds = pytest.mark.parametrize("lora", [None, LORA], ids=["whole", "lora"])


@kinds
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("spare_rows", [0, 5])
def test_an_actor_on_a_backbone_without_boundary_tokens_comes_back(
    tmp_path: Path, lora: Lora | None, tied: bool, spare_rows: int
):
    """Its tables were made longer, or two rows of them set anew, before anything was trained."""
    backbone = save_foreign(tmp_path / "backbone", tied, spare_rows)
    settings = ActorSettings(str(backbone), lora=lora, sender_dim=24, adapter_heads=4)
    actor = _saved_actor(settings, tmp_path / "run")
    loaded = load_actor(tmp_path / "run")
    assert loaded.boundary == actor.boundary == (300, 301)
    assert torch.equal(_logits(loaded, 24), _logits(actor, 24))
    untrained = Actor.build(settings).eval()
    untrained.adapter = actor.adapter
    assert not torch.allclose(_logits(untrained, 24), _logits(actor, 24), atol=0.01)


def test_lora_is_saved_without_the_tables_it_stands_on(foreign: Path, tmp_path: Path):
    """peft adds both embedding tables, hundreds of megabytes, where a backbone's were made longer."""
    actor = _saved_actor(ActorSettings(str(foreign), lora=LORA), tmp_path)
    saved = load_file(tmp_path / "actor" / "adapter_model.safetensors")
    assert {name for name, tensor in saved.items() if len(tensor) > 2 * 64} == set()
    assert torch.equal(_logits(load_actor(tmp_path), 32), _logits(actor, 32))


@kinds
def test_the_tokenizer_comes_back(foreign: Path, tmp_path: Path, lora: Lora | None):
    actor = _saved_actor(ActorSettings(str(foreign), lora=lora, form="react"), tmp_path)
    loaded = load_actor(tmp_path)
    assert loaded.conversation.form == "react"
    opening = "You are in a room. <bop> Your task is to: find a mug."
    assert loaded.conversation.head(opening) == actor.conversation.head(opening)
    assert loaded.tokenizer.decode([*loaded.boundary, 5], skip_special_tokens=True) == loaded.tokenizer.decode([5])


@kinds
def test_a_loaded_actor_is_in_eval_mode(foreign: Path, tmp_path: Path, lora: Lora | None):
    """Backbone, LoRA and adapter have dropout."""
    _saved_actor(ActorSettings(str(foreign), lora=lora, adapter_dropout=0.5), tmp_path)
    actor = load_actor(tmp_path)
    assert torch.equal(_logits(actor, 32), _logits(actor, 32))
    assert not torch.equal(_logits(actor.train(), 32), _logits(actor, 32))


@kinds
@pytest.mark.parametrize(
    ("trained", "asked", "got"),
    [
        ("bfloat16", None, torch.bfloat16),
        ("bfloat16", "float32", torch.float32),
        ("float32", "bfloat16", torch.bfloat16),
    ],
)
def test_the_dtype_is_that_of_training_or_the_one_asked_for(
    foreign: Path, tmp_path: Path, lora: Lora | None, trained: str, asked: str | None, got: torch.dtype
):
    _saved_actor(ActorSettings(str(foreign), lora=lora, dtype=trained), tmp_path / "one")
    _saved_compressor(CompressorSettings(str(foreign), 3, lora=lora, dtype=trained), tmp_path / "two")
    actor, compressor = load_actor(tmp_path / "one", asked), load_compressor(tmp_path / "two", asked)
    for agent in (actor, compressor):  # peft keeps what it trains in float32
        own = [
            (name, p) for name, p in agent.named_parameters() if "lora_" not in name and "trainable_tokens" not in name
        ]
        assert {parameter.dtype for _, parameter in own} == {got}
    assert torch.isfinite(_logits(actor, 32)).all()
    with torch.no_grad():
        assert compressor(PROMPTS).dtype == got


def test_an_actor_without_adapter_comes_back_without(foreign: Path, tmp_path: Path):
    actor = _saved_actor(ActorSettings(str(foreign), identity_adapter=True), tmp_path)
    assert not (tmp_path / "adapter.safetensors").exists()
    loaded = load_actor(tmp_path)
    assert isinstance(loaded.adapter, NoAdapter)
    assert torch.equal(_logits(loaded, 32), _logits(actor, 32))


@kinds
def test_a_compressor_comes_back(foreign: Path, tmp_path: Path, lora: Lora | None):
    compressor = _saved_compressor(CompressorSettings(str(foreign), 3, lora=lora), tmp_path)
    loaded = load_compressor(tmp_path)
    assert loaded.num_latents == 3
    with torch.no_grad():
        assert torch.equal(loaded(PROMPTS), compressor(PROMPTS))
        assert torch.equal(loaded(PROMPTS), loaded(PROMPTS))
    assert loaded.prompt_ids("A room.", "A mug.") == compressor.prompt_ids("A room.", "A mug.")


@pytest.mark.parametrize("copied", [False, True])
def test_a_carried_actor_is_the_actor(foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: bool):
    """As hard links; as copies where the disk has none."""

    def no_links(*_: object) -> None:
        raise OSError("links not supported")

    if copied:
        monkeypatch.setattr("os.link", no_links)
    actor = _saved_actor(ActorSettings(str(foreign)), tmp_path / "one")
    (tmp_path / "two").mkdir()
    carry_actor(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "stage.json").write_bytes((tmp_path / "one" / "stage.json").read_bytes())
    assert torch.equal(_logits(load_actor(tmp_path / "two"), 32), _logits(actor, 32))
    files = [Path("adapter.safetensors"), Path("actor") / "model.safetensors", Path("tokenizer") / "tokenizer.json"]
    for file in files:
        assert (tmp_path / "one" / file).samefile(tmp_path / "two" / file) is not copied


@kinds
def test_settings_come_back_from_json(lora: Lora | None):
    actor = ActorSettings("model", "tokenizer", lora, "react", 24, 4, 0.3, True, "bfloat16")
    compressor = CompressorSettings("model", 5, "tokenizer", lora, "fitted", "bfloat16")
    assert actor_settings(json.loads(json.dumps(asdict(actor)))) == actor
    assert compressor_settings(json.loads(json.dumps(asdict(compressor)))) == compressor
    assert hash(actor_settings(json.loads(json.dumps(asdict(actor))))) == hash(actor)


@pytest.mark.parametrize("content", [None, "{", "\N{REPLACEMENT CHARACTER}"])
def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "stage.json").write_text(content)
    with pytest.raises(CheckpointMismatch, match=r"stage\.json cannot be read .* train it with 'lightning fit"):
        load_actor(tmp_path)


def test_a_run_of_the_other_stage_is_refused(foreign: Path, tmp_path: Path):
    _saved_actor(ActorSettings(str(foreign)), tmp_path)
    assert read_stage(tmp_path, "actor")["stage"] == "actor"
    with pytest.raises(CheckpointMismatch, match=r"wanted a run of stage 'compression' .* is of stage 'actor'"):
        load_compressor(tmp_path)


def test_a_compressor_that_is_not_whole_is_refused(foreign: Path, tmp_path: Path):
    settings = CompressorSettings(str(foreign), 3)
    _saved_compressor(settings, tmp_path)
    (tmp_path / "bridge.safetensors").unlink()
    with pytest.raises(CheckpointMismatch, match=r"bridge\.safetensors' does not hold the weights"):
        load_compressor(tmp_path)
    (tmp_path / "compressor").rename(tmp_path / "gone")
    with pytest.raises(CheckpointMismatch, match="lacks 'compressor/'; it is incomplete"):
        load_compressor(tmp_path)


def test_an_adapter_for_another_sender_is_refused(foreign: Path, tmp_path: Path):
    settings = ActorSettings(str(foreign), sender_dim=24)
    _saved_actor(settings, tmp_path)
    _write_stage(tmp_path, stage="actor", actor=asdict(replace(settings, sender_dim=16)), sender_dim=16)
    with pytest.raises(
        CheckpointMismatch, match=r"(?s)adapter\.safetensors' does not hold the weights .*size mismatch"
    ):
        load_actor(tmp_path)
