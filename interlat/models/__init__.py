"""Causal language models: loading, boundary tokens, LoRA, caches and decoding; knows nothing of agents or training."""

from interlat.models.boundary import BOP, EOP, add_boundary_tokens, boundary_ids
from interlat.models.load import load_causal_lm
from interlat.models.lora import Lora, add_lora
from interlat.models.tiny import TinyLM, build_tiny_lm, train_tokenizer

__all__ = [
    "BOP",
    "EOP",
    "Lora",
    "TinyLM",
    "add_boundary_tokens",
    "add_lora",
    "boundary_ids",
    "build_tiny_lm",
    "load_causal_lm",
    "train_tokenizer",
]
