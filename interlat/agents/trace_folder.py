"""Saves what a trace has learnt into a run folder, and makes agents of it that work together. Knows no Lightning and no benchmark.

<folder>/stage.json       "stage": "trace", the settings, whose adapter is whose, what it was trained on
<folder>/adapters/        peft's files: the shared adapter, or one folder an agent
<folder>/communication.safetensors    communication adapters, where there are any
<folder>/roles/           role texts of your own, one file an agent
"""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.run_folder import read_stage
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_communication import learnt_aligners, load_adapters, save_adapters
from interlat.agents.trace_settings import SHARED, CommunicationSettings, TraceSettings
from interlat.errors import CheckpointMismatch
from interlat.models import load_causal_lm
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep
from interlat.models.lora import Lora
from interlat.models.vocabulary import fingerprint

TRACE_STAGE = "trace"


def save_trace(
    lm: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    settings: TraceSettings,
    folder: Path,
    communication: nn.ModuleDict | None = None,
) -> dict[str, Any]:
    """Write the adapters, and role texts that the library does not have.

    Args:
        lm: the model with its LoRA.
        tokenizer: its tokenizer.
        settings: as the agents are to be played.
        folder: of the run.
        communication: communication adapters, where there are any.

    Returns:
        What ``stage.json`` must say of it, for ``load_collaboration``.
    """
    # The rows of tokens are the backbone's own; peft would add both embedding tables to a few megabytes of LoRA.
    lm.save_pretrained(str(folder / "adapters"), save_embedding_layers=False)
    if communication is not None:
        save_adapters(communication, folder)
    agents = []
    for agent in settings.collaboration().agents:
        role = agent.role
        if role.endswith(".txt"):
            (folder / "roles").mkdir(exist_ok=True)
            role = f"roles/{agent.name}.txt"
            shutil.copyfile(agent.role, folder / role)
        agents.append(replace(agent, role=role))
    return {
        "trace": asdict(replace(settings, cast=tuple(agents))),
        "adapters": settings.adapters(),
        "tokenizer": fingerprint(tokenizer),
    }


def trace_settings(folder: Path) -> TraceSettings:
    """The settings that a run folder was trained with; roles of your own are those that lie in it.

    Raises:
        CheckpointMismatch: if it is no finished run of a trace.
    """
    fields = dict(_stage(folder)["trace"])
    agents = []
    for each in fields["cast"]:
        role = str(folder / each["role"]) if each["role"].endswith(".txt") else each["role"]
        agents.append(Collaborator(**{**each, "role": role}))
    lora = {**fields["lora"], "target_modules": tuple(fields["lora"]["target_modules"])}
    # Folders of before there was a choice have neither keep nor words, and no communication adapter.
    communication = fields.get("communication_adapter")
    kept: dict[str, Any] = {
        "keep": Keep(**fields.get("keep", {})),
        "words": Sampling(**fields.get("words", asdict(Sampling()))),
        "communication_adapter": None if communication is None else CommunicationSettings(**communication),
    }
    return TraceSettings(**{**fields, **kept, "cast": tuple(agents), "lora": Lora(**lora)})


def trained_on(folder: Path) -> frozenset[str]:
    """Names of the problems that a run was trained on, which are to be left out where it is evaluated.

    Raises:
        CheckpointMismatch: if it is no finished run of a trace.
    """
    return frozenset(_stage(folder)["trained_on"])


def load_collaboration(folder: Path, seed: int = 0, **changes: Any) -> TraceCollaboration:
    """The agents of a run, ready to work; on an accelerator where there is one.

    Args:
        folder: of the run.
        seed: of what control and selection draw, and of untrained weights.
        changes: other values for fields of ``CollaborationSettings``: ``sampling``, ``control``, ``keep``, ``dtype``.

    Raises:
        CheckpointMismatch: if the folder holds no finished run of a trace, or the backbone has another tokenizer now.
    """
    settings = trace_settings(folder)
    team = settings.collaboration(**changes)
    backbone, tokenizer = load_causal_lm(settings.model, team.dtype)
    if fingerprint(tokenizer) != _stage(folder)["tokenizer"]:
        raise CheckpointMismatch(
            f"'{folder}' was trained on '{settings.model}' with another tokenizer than it has now; train it again, or bring that model back"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    lm = _with_adapters(backbone.to(device), settings, folder / "adapters").eval()  # type: ignore[arg-type]
    aligners = learnt_aligners(settings, load_adapters(settings, lm, folder))
    return TraceCollaboration(team, {settings.model: (lm, tokenizer)}, settings.adapters(), seed, aligners)


def _with_adapters(backbone: Any, settings: TraceSettings, folder: Path) -> PeftModel:
    names = list(dict.fromkeys(name for name in settings.adapters().values() if name is not None))
    # peft keeps the adapter it calls default in the folder itself, all others below it.
    folders = {name: str(folder if name == SHARED else folder / name) for name in names}
    try:
        lm = PeftModel.from_pretrained(backbone, folders[names[0]], adapter_name=names[0])
        for name in names[1:]:
            lm.load_adapter(folders[name], adapter_name=name)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointMismatch(
            f"'{folder}' does not hold the adapters that its stage.json names ({', '.join(names)}): {error}; the run folder is damaged, "
            "train it again"
        ) from error
    return lm


def _stage(folder: Path) -> dict[str, Any]:
    stage = read_stage(folder)
    if stage.get("stage") != TRACE_STAGE:
        raise CheckpointMismatch(
            f"wanted a run of stage '{TRACE_STAGE}' in '{folder}', but it is of stage '{stage.get('stage')}'; "
            "train one with 'lightning fit -c recipes/diffmas/embedded.yaml', or correct the path"
        )
    return stage
