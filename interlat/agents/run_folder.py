"""Saves trained agents into a run folder and loads them back: safetensors, tokenizer and what they were made of.

    <folder>/stage.json               which stage, its settings, the sender; written last by training
    <folder>/adapter.safetensors      the communication adapter (absent where the ablation left it out)
    <folder>/actor/                   full weights, or the LoRA on top of the named backbone
    <folder>/tokenizer/               with <bop> and <eop>
    <folder>/compressor/, bridge.safetensors    stage 2 only

Knows no Lightning and no environment.
"""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from interlat.adapter import CommunicationAdapter
from interlat.agents.actor import Actor, ActorSettings, NoAdapter
from interlat.agents.compressor import Compressor, CompressorSettings
from interlat.errors import CheckpointMismatch
from interlat.models import Lora, add_boundary_tokens, load_causal_lm
from interlat.models.backbone import hidden_size


def read_stage(folder: Path, wanted: Literal["actor", "compression"] | None = None) -> dict[str, Any]:
    """What a run folder holds.

    Raises:
        CheckpointMismatch: if it is no finished run folder, or of another stage than wanted.
    """
    try:
        content = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointMismatch(
            f"wanted a finished run in '{folder}', but its stage.json cannot be read ({type(error).__name__}); "
            "train it with 'lightning fit -c recipes/stage1.yaml', or correct the path"
        ) from error
    if wanted is not None and content.get("stage") != wanted:
        raise CheckpointMismatch(
            f"wanted a run of stage '{wanted}' in '{folder}', but it is of stage '{content.get('stage')}'; give the other stage's folder"
        )
    return dict(content)


def save_actor(actor: Actor, folder: Path) -> None:
    """Write an actor's adapter, language model and tokenizer."""
    if not isinstance(actor.adapter, NoAdapter):
        save_file(
            {name: tensor.contiguous() for name, tensor in actor.adapter.state_dict().items()},
            folder / "adapter.safetensors",
        )
    _save_lm(actor.lm, folder / "actor")
    actor.tokenizer.save_pretrained(folder / "tokenizer")


def load_actor(folder: Path, dtype: str | None = None) -> Actor:
    """Load an actor, in eval mode.

    Args:
        folder: of either stage's run.
        dtype: of the weights; None takes the one they were trained in.

    Raises:
        CheckpointMismatch: if the folder holds no complete actor.
    """
    stage = read_stage(folder)
    settings = actor_settings(stage["actor"])
    settings = replace(settings, dtype=dtype or settings.dtype)
    lm = _load_lm(folder / "actor", settings)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    adapter: nn.Module = NoAdapter()
    if not settings.identity_adapter:
        adapter = CommunicationAdapter(
            stage["sender_dim"], hidden_size(lm), settings.adapter_heads, settings.adapter_dropout
        ).to(lm.dtype)
        _load_weights(adapter, folder / "adapter.safetensors")
    return Actor(lm, tokenizer, adapter, settings.form).eval()


def save_compressor(compressor: Compressor, folder: Path) -> None:
    """Write a compressor's language model, bridge and tokenizer."""
    _save_lm(compressor.lm, folder / "compressor")
    compressor.tokenizer.save_pretrained(folder / "compressor_tokenizer")
    save_file(
        {name: tensor.contiguous() for name, tensor in compressor.bridge.state_dict().items()},
        folder / "bridge.safetensors",
    )


def load_compressor(folder: Path, dtype: str | None = None) -> Compressor:
    """Load a compressor, in eval mode.

    Args:
        folder: of a stage 2 run.
        dtype: of the weights; None takes the one they were trained in.

    Raises:
        CheckpointMismatch: if the folder is not of stage 2 or incomplete.
    """
    stage = read_stage(folder, "compression")
    settings = compressor_settings(stage["compressor"])
    settings = replace(settings, dtype=dtype or settings.dtype)
    lm = _load_lm(folder / "compressor", settings)
    tokenizer = AutoTokenizer.from_pretrained(folder / "compressor_tokenizer")
    view = stage.get("sender", {}).get("view", "task")
    compressor = Compressor(lm, tokenizer, settings.num_latents, view)
    _load_weights(compressor.bridge, folder / "bridge.safetensors")
    return compressor.eval()


def carry_actor(source: Path, folder: Path) -> None:
    """Put a stage 1 run's actor into a stage 2 run folder, so that evaluation needs one folder; hard links where possible."""
    for name in ("actor", "tokenizer", "adapter.safetensors"):
        part = source / name
        if part.is_dir():
            shutil.copytree(part, folder / name, copy_function=_link_or_copy)
        elif part.exists():
            _link_or_copy(str(part), str(folder / name))


def actor_settings(fields: dict[str, Any]) -> ActorSettings:
    """Settings out of a stage file."""
    return ActorSettings(**{**fields, "lora": _lora(fields.get("lora"))})


def compressor_settings(fields: dict[str, Any]) -> CompressorSettings:
    """Settings out of a stage file."""
    return CompressorSettings(**{**fields, "lora": _lora(fields.get("lora"))})


def _lora(fields: dict[str, Any] | None) -> Lora | None:
    return None if fields is None else Lora(**{**fields, "target_modules": tuple(fields["target_modules"])})


def _save_lm(lm: PreTrainedModel | PeftModel, folder: Path) -> None:
    if isinstance(lm, PeftModel):
        # Loading makes the boundary rows anew from their seed; peft would add both embedding tables to a few megabytes of LoRA.
        lm.save_pretrained(str(folder), save_embedding_layers=False)
    else:
        lm.save_pretrained(folder)


def _load_lm(folder: Path, settings: ActorSettings | CompressorSettings) -> PreTrainedModel | PeftModel:
    if not folder.is_dir():
        raise CheckpointMismatch(
            f"the run folder '{folder.parent}' lacks '{folder.name}/'; it is incomplete, train it again"
        )
    if settings.lora is None:
        import torch

        return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, settings.dtype)).eval()
    base, tokenizer = load_causal_lm(settings.backbone, settings.dtype, settings.tokenizer)
    add_boundary_tokens(base, tokenizer)
    return PeftModel.from_pretrained(base, str(folder)).eval()


def _load_weights(module: nn.Module, path: Path) -> None:
    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointMismatch(
            f"'{path}' does not hold the weights its stage.json describes ({error}); the run folder is damaged, train it again"
        ) from error


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
