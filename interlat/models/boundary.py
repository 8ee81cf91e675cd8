"""The two tokens around a message, ``<bop>`` and ``<eop>``; knows nothing of messages or adapters."""

from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.errors import MissingBoundaryTokens

BOP = "<bop>"
EOP = "<eop>"


def boundary_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Token ids of ``<bop>`` and ``<eop>``.

    Raises:
        MissingBoundaryTokens: if the tokenizer does not hold both as single tokens.
    """
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in (BOP, EOP) if token not in vocabulary]
    if missing:
        raise MissingBoundaryTokens(
            f"the tokenizer must hold {BOP} and {EOP} as single tokens, but lacks {', '.join(missing)}; "
            "call interlat.models.add_boundary_tokens(model, tokenizer) before training, or load the run folder's own tokenizer"
        )
    return vocabulary[BOP], vocabulary[EOP]


def add_boundary_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int = 0) -> tuple[int, int]:
    """Add ``<bop>`` and ``<eop>`` where missing, each with a row of its own, and return their ids.

    transformers' default initialisation makes both new rows the same vector, so that no model could tell the
    start of a message from its end; here each row is the mean row plus Gaussian noise of the vocabulary's
    spread per dimension. Existing rows keep their values and tied weights stay tied.
    Call it before LoRA is put on: rows added through a PEFT model are frozen.
    """
    known = tokenizer.get_vocab()
    tokenizer.add_tokens([BOP, EOP], special_tokens=True)
    ids, old_rows = boundary_ids(tokenizer), _num_rows(model)
    if len(tokenizer) > old_rows:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    new = [number for token, number in zip((BOP, EOP), ids, strict=True) if token not in known or number >= old_rows]
    generator = torch.Generator().manual_seed(seed)
    # In this order: one generator serves both tables where they are not tied.
    for module in (model.get_input_embeddings(), model.get_output_embeddings()):
        if new and module is not None:
            _spread_new_rows(cast(nn.Module, module), new, generator)
    return ids


def _num_rows(model: PreTrainedModel) -> int:
    return int(cast(nn.Embedding, model.get_input_embeddings()).weight.shape[0])


@torch.no_grad()
def _spread_new_rows(module: nn.Module, ids: list[int], generator: torch.Generator) -> None:
    weight = cast(torch.Tensor, module.weight)
    known = weight[: min(ids)].float()
    mean, spread = known.mean(dim=0).cpu(), known.std(dim=0).cpu()
    noise = torch.randn(len(ids), weight.shape[1], generator=generator)
    weight[ids] = (mean + spread * noise).to(weight)
