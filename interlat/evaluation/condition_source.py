"""Which source makes the messages that a condition asks for, with the senders of a checkpoint. Knows nothing of rollouts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from interlat.agents.actor import Actor
from interlat.agents.kv_sender import LATENT_STEPS, KVSender
from interlat.agents.plain_model import PLAIN_STAGE
from interlat.agents.run_folder import load_compressor
from interlat.agents.sender import PAPER_SAMPLING, ReasoningAgent, recorded_sender
from interlat.agents.team_folder import TEAM_STAGE
from interlat.controls import named_control
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import CROSS_TASK, Condition
from interlat.evaluation.kv_source import KVSource
from interlat.evaluation.message_source import (
    CompressorSource,
    ControlledSource,
    CrossTaskSource,
    MessageSource,
    SenderSource,
    SenderView,
    SilentSource,
    derangement,
)
from interlat.evaluation.team_source import load_team_source
from interlat.models.kv import untrained_twin


@dataclass(frozen=True)
class Speakers:
    """What messages of a checkpoint can be made with.

    Args:
        checkpoint: run folder of either stage or of a team, or a plain model.
        stage: what its ``stage.json`` holds, or ``plain_stage``.
        actor: loaded from it; where keys and values are sent, or the model is a plain one, its weights are the sender's too.
        written: plans in words by opening, where the sender was given plans.
        dtype: of compressor and team; None takes the one they were trained in.
        seed: of plans and controls.
    """

    checkpoint: Path
    stage: Mapping[str, Any]
    actor: Actor
    written: Mapping[str, str] = field(default_factory=dict)
    dtype: str | None = None
    seed: int = 0


def source_of(condition: Condition, speakers: Speakers, views: Mapping[str, SenderView]) -> MessageSource:
    """The source of a condition's messages, its control included.

    Args:
        condition: what is sent.
        speakers: who can speak.
        views: what the sender sees of each game, by ``game_id``, in order; another of them is taken for ``cross-task``.

    Raises:
        CheckpointMismatch: if the folder is incomplete, or its sender has been replaced.
        InvalidSetting: if the checkpoint cannot say what the condition asks for.
    """
    if condition.message == "kv":
        source: MessageSource = _kv_source(condition, speakers)
    else:
        source = _spoken(condition, speakers)
    if condition.control == CROSS_TASK:
        ordered = list(views.values())
        partners = derangement([view.opening for view in ordered], speakers.seed)
        return CrossTaskSource(source, {opening: ordered[number] for opening, number in partners.items()})
    if condition.control is not None and condition.message != "kv":
        return ControlledSource(source, named_control(condition.control), speakers.seed)
    return source


def _kv_source(condition: Condition, speakers: Speakers) -> KVSource:
    if speakers.stage["stage"] == TEAM_STAGE:
        raise InvalidSetting(
            f"'{speakers.checkpoint}' is a team, whose members were taught to speak in latents; keys and values are those of one "
            "reasoning agent: name a stage 1 run or a plain model"
        )
    steps = LATENT_STEPS if condition.length is None else int(condition.length)
    lm = speakers.actor.lm
    if condition.control == "untrained":
        lm = untrained_twin(lm, speakers.seed)
    sender = KVSender(lm, speakers.actor.tokenizer, steps, speakers.stage["sender"]["view"])
    controls: dict[str | None, Literal["zero", "permute"]] = {"zero": "zero", "permute": "permute"}
    return KVSource(sender, controls.get(condition.control), speakers.seed)


def _spoken(condition: Condition, speakers: Speakers) -> MessageSource:
    stage, seed = dict(speakers.stage), speakers.seed
    if condition.message == "none":
        return SilentSource()
    if stage["stage"] == TEAM_STAGE:
        return load_team_source(speakers.checkpoint, stage, condition, seed, speakers.dtype)
    if stage["stage"] == "compression" and condition.length == stage["compressor"]["num_latents"]:
        compressor = load_compressor(speakers.checkpoint, speakers.dtype)
        return CompressorSource(compressor.to("cuda") if torch.cuda.is_available() else compressor)
    kind: Literal["latent", "text"] = "text" if condition.message == "text" else "latent"
    return SenderSource(_sender(speakers), kind, condition.length, speakers.written or None, seed)


def _sender(speakers: Speakers) -> ReasoningAgent:
    if speakers.stage["stage"] == PLAIN_STAGE:
        view = speakers.stage["sender"]["view"]
        return ReasoningAgent(speakers.actor.lm, speakers.actor.tokenizer, PAPER_SAMPLING, view)
    sender = recorded_sender(speakers.stage["sender"])
    if torch.cuda.is_available():
        sender.lm.to("cuda")
    return sender
