"""The parts of a causal LM that the library calls directly, with or without a peft wrapper; knows nothing of their use.

Calling the decoder and the head apart lets a caller compute logits at a few positions only: with a vocabulary of
150,000 the head over a whole sequence costs more memory than the rest of the forward.
"""

from typing import cast

from jaxtyping import Float, Int
from peft import PeftModel
from torch import Tensor, nn
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
    mask: Tensor,
) -> Float[Tensor, "batch tokens dim"]:
    """Last-layer states (after the final norm) of whole sequences, padded on either side.

    The mask is always passed: without it, transformers reads unusual positions as packed sequences and silently
    blocks attention between them.
    """
    positions = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
    output = decoder(model)(
        inputs_embeds=embeddings, attention_mask=mask.long(), position_ids=positions, use_cache=False
    )
    return cast(Tensor, output.last_hidden_state)


def hidden_size(model: PreTrainedModel | PeftModel) -> int:
    """Width D of the model."""
    return int(causal_lm(model).config.hidden_size)
