"""Where ``<bop>`` message ``<eop>`` enters a sequence: ids, masks and embeddings of a batch.

Knows nothing of tokenizers, agents or losses: it is given token ids and message embeddings.

    position      0 .. p-1     p     p+1 .. p+L    p+L+1    p+L+2 ..
    ids           head        <bop>   (pad)         <eop>    tail
    embeddings    head        <bop>   message       <eop>    tail
    targets       -            -      -              -       supervised tail tokens

A silent row has no boundary tokens and no message: head and tail follow each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interlat.errors import InvalidMessage


@dataclass(frozen=True)
class Segments:
    """One row to be spliced.

    Args:
        head: token ids before the message.
        tail: token ids after it.
        supervised: for each tail token, whether it carries a label.
        num_latents: rows of the message, or None for silence.
    """

    head: Sequence[int]
    tail: Sequence[int]
    supervised: Sequence[bool]
    num_latents: int | None


@dataclass(frozen=True)
class Layout:
    """A padded batch of spliced rows, before the messages are filled in.

    Args:
        ids: token ids, pad where there is none (message positions, padding), [batch, tokens].
        mask: True at real positions, messages included.
        supervised_mask: True at positions whose token carries a label.
        message_mask: True at message positions.
    """

    ids: Int[Tensor, "batch tokens"]
    mask: Bool[Tensor, "batch tokens"]
    supervised_mask: Bool[Tensor, "batch tokens"]
    message_mask: Bool[Tensor, "batch tokens"]

    def to(self, device: torch.device) -> "Layout":
        """The same layout on another device."""
        return Layout(
            self.ids.to(device), self.mask.to(device), self.supervised_mask.to(device), self.message_mask.to(device)
        )


def lay_out(
    rows: Sequence[Segments], boundary: tuple[int, int], pad_id: int, padding: Literal["left", "right"] = "right"
) -> Layout:
    """Lay rows of unequal length out as one padded batch.

    Args:
        rows: what to splice.
        boundary: ids of ``<bop>`` and ``<eop>``.
        pad_id: id written where there is no token.
        padding: side of the padding; left for generation.
    """
    built = [_lay_out_row(row, boundary, pad_id) for row in rows]
    width = max(ids.numel() for ids, _, _ in built)
    shape = (len(rows), width)
    ids = torch.full(shape, pad_id, dtype=torch.long)
    mask, supervised, message = (torch.zeros(shape, dtype=torch.bool) for _ in range(3))
    for i, (row_ids, row_supervised, row_message) in enumerate(built):
        size = row_ids.numel()
        span = slice(0, size) if padding == "right" else slice(width - size, width)
        ids[i, span], mask[i, span] = row_ids, True
        supervised[i, span], message[i, span] = row_supervised, row_message
    return Layout(ids, mask, supervised, message)


def _lay_out_row(row: Segments, boundary: tuple[int, int], pad_id: int) -> tuple[Tensor, Tensor, Tensor]:
    middle = [] if row.num_latents is None else [boundary[0], *[pad_id] * row.num_latents, boundary[1]]
    ids = torch.tensor([*row.head, *middle, *row.tail], dtype=torch.long)
    supervised, message = torch.zeros(len(ids), dtype=torch.bool), torch.zeros(len(ids), dtype=torch.bool)
    supervised[len(row.head) + len(middle) :] = torch.tensor(row.supervised, dtype=torch.bool)
    if row.num_latents is not None:
        message[len(row.head) + 1 : len(row.head) + 1 + row.num_latents] = True
    return ids, supervised, message


def splice(
    token_embeddings: Float[Tensor, "batch tokens dim"],
    message_mask: Bool[Tensor, "batch tokens"],
    messages: Sequence[Float[Tensor, "_ dim"]],
) -> Float[Tensor, "batch tokens dim"]:
    """Put message embeddings in their places.

    Args:
        token_embeddings: embeddings of ``Layout.ids``.
        message_mask: ``Layout.message_mask``.
        messages: the messages of the rows that have one, in row order, [L_i, dim] each.

    Gradient:
        Flows into the token embeddings outside the message and into every message row.

    Raises:
        InvalidMessage: if the messages do not fill the laid-out positions exactly.
    """
    wanted, got = int(message_mask.sum()), sum(len(message) for message in messages)
    if wanted != got:
        raise InvalidMessage(
            f"the layout holds {wanted} message positions, but the messages bring {got} rows; lay the batch out again"
        )
    if not messages:
        return token_embeddings
    rows = torch.cat(list(messages)).to(token_embeddings.dtype)
    return token_embeddings.masked_scatter(message_mask[..., None], rows)
