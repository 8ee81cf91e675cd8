"""What an agent leaves for those after it, and how the next model takes it over. Knows no prompt, no topology and no environment.

A receiver with the sender's model takes keys and values as they are: nothing is computed again. A receiver with another model
of the same tokenizer cannot read them, so what they were made from is read again: tokens by its own embeddings, latents by the
ridge map from the sender's states (after Hybrid-LatentMAS), each entry at the position it had.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.messages import KVMessage, Span
from interlat.models.backbone import embed_tokens, hidden_size
from interlat.models.cache import KVState, extend
from interlat.models.kv import messages_of

# Token ids of a prompt, or the states that were fed back: what the entries of a span were made from.
Source = list[int] | Tensor


@dataclass(frozen=True, eq=False)
class Handover:
    """What an agent leaves behind, one message and one text a question.

    Args:
        speaker: who left it.
        model: the kind of model whose keys and values they are.
        messages: keys and values of everything it holds; empty where none travel.
        texts: what was written so far, by agent, in order.
        sources: for each span, what its entries were made from, row by row.
    """

    speaker: str
    model: str
    messages: tuple[KVMessage, ...]
    texts: tuple[Mapping[str, str], ...]
    sources: Mapping[Span, Sequence[Source]]


def words_heard(heard: Sequence[Handover], rows: int) -> list[dict[str, str]]:
    """What was written so far, question by question, by who wrote it; empty where no words travel."""
    return [{name: text for each in heard for name, text in each.texts[row].items()} for row in range(rows)]


def read_again(
    model: PreTrainedModel | PeftModel,
    handover: Handover,
    aligned: Callable[[str, Float[Tensor, "steps _"]], Float[Tensor, "steps _"]],
) -> list[KVMessage]:
    """The same entries as another model would have left them, at the same positions, under the same names.

    Entries that an earlier agent did not send on are not read. All layers hold all entries.

    Args:
        model: the receiver's.
        handover: what the sender left.
        aligned: maps the states of an agent, given by name, to the receiver's embeddings.
    """
    messages = handover.messages
    width, device = max(len(message.entries) for message in messages), next(model.parameters()).device
    embeddings = torch.zeros(len(messages), width, hidden_size(model), dtype=model.dtype, device=device)
    mask = torch.zeros(len(messages), width, dtype=torch.bool, device=device)
    positions = torch.zeros(len(messages), width, dtype=torch.long, device=device)
    for row, message in enumerate(messages):
        behind = slice(width - len(message.entries), None)
        mask[row, behind] = message.mask
        positions[row, behind] = message.positions
        spans = {
            span: _embedded(model, span, sources[row], aligned)
            for span, sources in handover.sources.items()
            if span in message.spans
        }
        entries = zip(message.entries.span.tolist(), message.entries.place.tolist(), strict=True)
        embeddings[row, behind] = torch.stack([spans[message.spans[number]][place] for number, place in entries])
    state = KVState.empty(len(messages), device)
    extend(model, state, embeddings, mask, positions=positions)
    return [
        replace(read, entries=message.entries, spans=message.spans, next_position=message.next_position)
        for read, message in zip(messages_of(state), messages, strict=True)
    ]


def _embedded(
    model: PreTrainedModel | PeftModel, span: Span, source: Source, aligned: Callable[[str, Tensor], Tensor]
) -> Tensor:
    if isinstance(source, Tensor):
        return aligned(span.agent, source).to(model.dtype)
    return embed_tokens(model, torch.tensor(source, dtype=torch.long, device=next(model.parameters()).device))
