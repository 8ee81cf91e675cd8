"""What fitted starts are fitted to: a sender's latents beside the embeddings of the tokens they predicted.

Knows no losses and no optimizer.
"""

from itertools import islice

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.data.latent_store import LatentStore
from interlat.errors import LatentStoreMismatch
from interlat.models.backbone import embed_tokens
from interlat.models.vocabulary import fingerprint

PLANS = 2000  # tens of thousands of tokens for a map of width x width: enough, and read in a second


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
