"""Tiny actors in float64 and views of unequal length for tests of KV messages in rollouts. Plays no game."""

from pathlib import Path

import torch
from tiny_agents import save_tiny_lm, task_records
from torch import Tensor

from interlat.agents.actor import Actor, ActorSettings
from interlat.agents.plain_model import load_plain_actor
from interlat.evaluation.message_source import SenderView
from interlat.models.backbone import embed_tokens, last_layer_states

RECORDS = task_records(4)
# One house is told twice and one not at all, so that no two prompts are of one length.
VIEWS = [
    SenderView(RECORDS[0].opening, RECORDS[0].house),
    SenderView(RECORDS[1].opening, f"{RECORDS[1].house}\n{RECORDS[2].house}"),
    SenderView(RECORDS[2].opening, None),
    SenderView(RECORDS[3].opening, f"{RECORDS[3].house} Nothing else."),
]


def trained_actor(folder: Path) -> Actor:
    """With an adapter and boundary tokens."""
    return Actor.build(ActorSettings(str(save_tiny_lm(folder / "model")), dtype="float64", adapter_heads=4)).eval()


def plain_actor(folder: Path) -> Actor:
    """A model as published."""
    return load_plain_actor(save_tiny_lm(folder / "model"), dtype="float64")


def embedded(actor: Actor, ids: list[int]) -> Tensor:
    """Input embeddings of tokens, [tokens, dim]."""
    return embed_tokens(actor.lm, torch.tensor(ids))


@torch.no_grad()
def states_at_once(actor: Actor, embeddings: Tensor) -> Tensor:
    """Last-layer states of one sequence read in one pass without a cache, [tokens, dim]."""
    mask = torch.ones(1, len(embeddings), dtype=torch.bool)
    return last_layer_states(actor.lm, embeddings[None], mask)[0]


@torch.no_grad()
def thoughts_by_hand(actor: Actor, prompt: list[int], steps: int) -> Tensor:
    """Prompt and m latent steps as inputs, without a cache: each state, at the mean length of an embedding, is the next input."""
    rows = actor.lm.get_input_embeddings().weight
    length, inputs = rows.norm(dim=1).mean(), embedded(actor, prompt)
    for _ in range(steps):
        state = states_at_once(actor, inputs)[-1]
        inputs = torch.cat([inputs, (state * length / state.norm())[None]])
    return inputs
