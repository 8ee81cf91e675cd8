"""Tells whether two tokenizers cut text into the same ids; knows nothing else."""

import hashlib

from transformers import PreTrainedTokenizerBase

from interlat.models.boundary import BOP, EOP


def fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """A short hash of token -> id, the boundary tokens left out: an actor has them, its sender may not."""
    pairs = sorted((token, number) for token, number in tokenizer.get_vocab().items() if token not in (BOP, EOP))
    return hashlib.sha256(repr(pairs).encode()).hexdigest()[:16]
