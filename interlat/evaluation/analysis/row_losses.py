"""The actor's cross-entropy on each game of its own, whatever message it is given. Knows no analysis."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interlat.agents.actor import Actor
from interlat.data.trajectories import TaskRecord
from interlat.splice import Segments, lay_out


@torch.no_grad()
def row_losses(
    actor: Actor, records: Sequence[TaskRecord], messages: Sequence[Float[Tensor, "_ receiver_dim"] | None]
) -> tuple[Float[Tensor, " games"], Int[Tensor, " games"]]:
    """Sum of the cross-entropy over the supervised tokens of each game, as one batch.

    Args:
        actor: in eval mode.
        records: the games; supervised are the actions of the guided trajectory, as in training.
        messages: behind the adapter, one a game; None is silence, without boundary tokens.

    Returns:
        Nats of each game, float64, and its number of supervised tokens, both on the CPU.
    """
    rows = []
    for record, message in zip(records, messages, strict=True):
        tail = actor.conversation.tail(record.guided)
        length = None if message is None else len(message)
        rows.append(Segments(actor.conversation.head(record.opening), tail.ids, tail.supervised, length))
    layout = lay_out(rows, actor.boundary, int(actor.tokenizer.pad_token_id)).to(actor.device)
    said = actor.predict(layout, [message.to(actor.device) for message in messages if message is not None])
    losses = nn.functional.cross_entropy(said.logits.float(), said.targets, reduction="none").double().cpu()
    owners = said.rows.cpu()
    sums = torch.zeros(len(records), dtype=torch.float64).index_add(0, owners, losses)
    return sums, torch.bincount(owners, minlength=len(records))
