"""The parts of a causal LM that the library calls directly, with or without a peft wrapper; knows nothing of their use.

Calling the decoder and the head apart lets a caller compute logits at a few positions only: with a vocabulary of
150,000 the head over a whole sequence costs more memory than the rest of the forward.
"""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from transformers import PreTrainedModel


def causal_lm(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The transformers model itself. LoRA layers live inside it, so nothing of them is lost."""
    return cast(PreTrainedModel, model.get_base_model()) if isinstance(model, PeftModel) else model


def decoder(model: PreTrainedModel | PeftModel) -> nn.Module:
    """The model without its head: embeddings in, last-layer states after the final norm out."""
    return cast(nn.Module, causal_lm(model).get_decoder())


def embed_tokens(
    model: PreTrainedModel | PeftModel, ids: Int[Tensor, "*batch tokens"]
) -> Float[Tensor, "*batch tokens dim"]:
    """Input embeddings of token ids."""
    return cast(Tensor, causal_lm(model).get_input_embeddings()(ids))


def token_logits(
    model: PreTrainedModel | PeftModel, states: Float[Tensor, "*batch dim"]
) -> Float[Tensor, "*batch vocab"]:
    """Next-token logits of last-layer states."""
    return cast(Tensor, causal_lm(model).get_output_embeddings()(states))


def last_layer_states(
    model: PreTrainedModel | PeftModel,
    embeddings: Float[Tensor, "batch tokens dim"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens dim"]:
    """Last-layer states (after the final norm) of whole sequences, padded on either side; anything may stand at padding.

    Rows padded on the right need no mask: causal attention never reaches their padding, and without a mask it costs half.
    On a CPU, where padding costs what tokens cost, such rows are computed with others of their length. Not where processes share the
    model's weights: each has to make as many calls as the others.
    """
    if not _padded_on_the_right(mask):
        return _states_under_mask(model, embeddings, mask)
    lengths = mask.sum(dim=1)
    alone = mask.device.type == "cpu" and not _is_sharded(model)
    groups = groups_by_length(lengths.tolist()) if alone else [list(range(len(mask)))]
    if len(groups) == 1:
        return _causal_states(model, embeddings)
    states = []
    for group in groups:
        width = int(lengths[group].max())
        group_states = _causal_states(model, embeddings[group, :width])
        states.append(nn.functional.pad(group_states, (0, 0, 0, mask.shape[1] - width)))
    back = torch.tensor([row for group in groups for row in group]).argsort()
    return torch.cat(states)[back]


def groups_by_length(lengths: Sequence[int], call_cost: int = 200) -> list[list[int]]:
    """Split rows into groups of similar length so that padded tokens and calls together cost least.

    Args:
        lengths: real tokens of each row.
        call_cost: what one more call costs, in tokens.

    Returns:
        Row numbers of each group; rows of one group are padded to its longest.
    """
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    # best[i]: least cost of the i shortest rows, and where their last group starts.
    best = [(0, 0)]
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        best.append(min((best[start][0] + call_cost + (end - start) * longest, start) for start in range(end)))
    groups, end = [], len(order)
    while end:
        start = best[end][1]
        groups.append(order[start:end])
        end = start
    return groups


def _is_sharded(model: PreTrainedModel | PeftModel) -> bool:
    return any(isinstance(module, FSDPModule) for module in decoder(model).modules())


def _padded_on_the_right(mask: Bool[Tensor, "batch tokens"]) -> bool:
    return bool((mask[:, :-1] | ~mask[:, 1:]).all())


def _causal_states(model: PreTrainedModel | PeftModel, embeddings: Tensor) -> Tensor:
    return cast(Tensor, decoder(model)(inputs_embeds=embeddings, use_cache=False).last_hidden_state)


def _states_under_mask(model: PreTrainedModel | PeftModel, embeddings: Tensor, mask: Tensor) -> Tensor:
    # Mask and positions go together: positions alone are read as packed sequences, which silently blocks attention between them.
    positions = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
    output = decoder(model)(
        inputs_embeds=embeddings, attention_mask=mask.long(), position_ids=positions, use_cache=False
    )
    return cast(Tensor, output.last_hidden_state)


def hidden_size(model: PreTrainedModel | PeftModel) -> int:
    """Width D of the model."""
    return int(causal_lm(model).config.hidden_size)
