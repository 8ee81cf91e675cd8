"""The passes of the actor over a batch that the stages compare; knows nothing of losses or weights."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from interlat.agents.actor import Actor, Predictions
from interlat.curriculum import mix_scaled
from interlat.data.batches import Batch
from interlat.data.negatives import match_length, mismatched_partners
from interlat.splice import Segments, lay_out

Rows = Sequence[Float[Tensor, "_ receiver_dim"]]


def read_messages(actor: Actor, segments: Sequence[Segments], messages: Rows) -> Predictions:
    """The actor's predictions when these messages are spliced into these rows; rows beyond the messages are silent."""
    fitted = [
        replace(row, num_latents=len(messages[number]) if number < len(messages) else None)
        for number, row in enumerate(segments)
    ]
    pad = actor.tokenizer.pad_token_id
    layout = lay_out(fitted, actor.boundary, int(pad)).to(actor.device)
    return actor.predict(layout, messages)


def curriculum_messages(plans: Rows, adapted: Rows, rates: Sequence[float]) -> list[Tensor]:
    """Each row's message at its own rate: the first share of plan embeddings, then adapted latents."""
    return [mix_scaled(plan, latents, rate) for plan, latents, rate in zip(plans, adapted, rates, strict=True)]


def mismatched_messages(
    batch: Batch, plans: Rows, adapted: Rows, rates: Sequence[float], generator: torch.Generator
) -> list[Tensor] | None:
    """For each row, another task's message, at the row's own rate and length; None if a row has no other task beside it.

    Both parts come from the other task: neither its plan nor its latents say anything of the row's own.
    """
    task_ids = [record.game_id for record in batch.records[: batch.num_messages]]
    partners = mismatched_partners(task_ids, generator)
    messages = []
    for row, partner in enumerate(partners):
        if partner is None:
            return None
        plan, latents = match_length(plans[partner], len(plans[row])), match_length(adapted[partner], len(adapted[row]))
        messages.append(mix_scaled(plan, latents, rates[row]))
    return messages
