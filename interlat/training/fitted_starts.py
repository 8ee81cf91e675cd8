"""What fitted starts are fitted to: a sender's latents beside the embeddings of the tokens they predicted.

Knows no losses and no optimizer.
"""

from itertools import islice, pairwise

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.data.latent_store import LatentStore
from interlat.errors import LatentStoreMismatch
from interlat.models.backbone import embed_tokens, hidden_size
from interlat.models.chat import encode
from interlat.models.load import load_tokenizer
from interlat.models.vocabulary import fingerprint

PLANS = 2000  # tens of thousands of tokens for a map of width x width: enough, and read in a second


@torch.no_grad()
def retold_embeddings(
    store: LatentStore, lm: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Tensor], list[Tensor]]:
    """As ``predicted_embeddings``, for a model of whatever vocabulary.

    Where it is another, the embedding of a sender's token is the mean of the embeddings of the tokens that this model cuts its text
    into, zeros where that is nothing.

    Args:
        store: the sender's messages.
        lm: whose embeddings.
        tokenizer: its tokenizer.

    Raises:
        LatentStoreMismatch: if the sender's tokenizer is no longer the one it wrote its plans with.
    """
    if store.provenance.get("tokenizer") == fingerprint(tokenizer):
        return predicted_embeddings(store, lm, tokenizer, "this start")
    name = str(store.provenance["sender"])
    sender_tokenizer = load_tokenizer(name)
    if fingerprint(sender_tokenizer) != store.provenance.get("tokenizer"):
        raise LatentStoreMismatch(
            f"wanted the tokenizer that the plans in '{store.folder}' were written with, but that of '{name}' is another now; "
            "collect again with interlat-collect"
        )

    def embedding(text: str) -> Tensor:
        ids = torch.tensor(encode(tokenizer, text), dtype=torch.long, device=lm.device)
        return embed_tokens(lm, ids).mean(dim=0) if len(ids) else torch.zeros(hidden_size(lm), device=lm.device)

    known: dict[str, Tensor] = {}
    messages, embeddings = [], []
    for plan in islice(store, PLANS):
        if not len(plan.plan_ids):
            continue
        texts = token_texts(sender_tokenizer, plan.plan_ids)
        known |= {text: embedding(text) for text in texts if text not in known}
        messages.append(plan.latents.to(lm.device))
        embeddings.append(torch.stack([known[text] for text in texts]))
    return messages, embeddings


def token_texts(tokenizer: PreTrainedTokenizerBase, ids: Tensor) -> list[str]:
    """What each token adds to the text before it: with its space, which some tokenizers leave out of a token decoded by itself."""
    so_far = [str(tokenizer.decode(ids[:count])) for count in range(len(ids) + 1)]
    return [after[len(before) :] for before, after in pairwise(so_far)]


@torch.no_grad()
def predicted_embeddings(
    store: LatentStore, lm: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, option: str
) -> tuple[list[Tensor], list[Tensor]]:
    """Messages of the store, each [L, D_s], and the model's embeddings of their plans' tokens, each [L, D_r].

    Args:
        store: the sender's messages.
        lm: whose embeddings.
        tokenizer: its tokenizer, which has to be the sender's: a latent predicts one token of the sender's vocabulary.
        option: the setting that asked for it, named in the error.

    Raises:
        LatentStoreMismatch: if the two vocabularies differ.
    """
    require_same_vocabulary(store, tokenizer, f"{option}: fitted")
    plans = [plan for plan in islice(store, PLANS) if len(plan.plan_ids)]
    device = lm.device
    return [plan.latents.to(device) for plan in plans], [
        embed_tokens(lm, plan.plan_ids.to(device)).detach() for plan in plans
    ]


def require_same_vocabulary(store: LatentStore, tokenizer: PreTrainedTokenizerBase, setting: str) -> None:
    """Raise ``LatentStoreMismatch``, naming the setting that needs it, unless the store's plans are in this vocabulary."""
    if store.provenance.get("tokenizer") != fingerprint(tokenizer):
        raise LatentStoreMismatch(
            f"{setting} needs plans in the model's own vocabulary, but those in '{store.folder}' are in that of their sender "
            f"{store.provenance.get('sender')}; leave that setting at its default, or give the model the sender's tokenizer"
        )
