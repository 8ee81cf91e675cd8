"""Tiny causal language models built from a config, with a tokenizer trained on given text; nothing is downloaded.

Knows nothing of where the text comes from. They carry the tests, the debug overlays and the embedded default.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from interlat.models.boundary import BOP, EOP
from interlat.models.lookup import start_with_lookup

TURN_START, TURN_END, PADDING = "<|im_start|>", "<|im_end|>", "<|pad|>"
# A name with its number; words; single digits; punctuation; blanks.
_PIECES = r" ?[a-z]+ \d+(?!\d)| ?\p{L}+| ?\d| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# ChatML, as the instruction-tuned models of the paper use it; one line a role.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True)
class TinyLM:
    """Shape of a tiny model.

    Args:
        family: which architecture to build.
        hidden_size: width D.
        num_layers: decoder layers.
        num_heads: attention heads; must divide ``hidden_size``.
        vocab_size: upper bound for the tokenizer's training.
        seed: of the initial weights.
        initial: ``lookup`` begins with heads that recall and copy (``interlat.models.lookup``).
    """

    family: Literal["llama", "qwen2"] = "llama"
    hidden_size: int = 64
    num_layers: int = 2
    num_heads: int = 4
    vocab_size: int = 1024
    seed: int = 0
    initial: Literal["random", "lookup"] = "random"


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """Train a byte-level BPE tokenizer that holds ChatML's turn marks, ``<bop>`` and ``<eop>``.

    A name with its number, such as " cabinet 3", may become one token: a tiny model then copies a name in one step, where two
    tokens would take a second look-up for the number. Other digits stand alone. Any text round-trips, because every byte is in
    the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PADDING, TURN_START, TURN_END, BOP, EOP],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PADDING, bos_token=TURN_START, eos_token=TURN_END, padding_side="left"
    )
    fast.chat_template = CHAT_TEMPLATE
    return cast(PreTrainedTokenizerBase, fast)


def build_tiny_lm(shape: TinyLM, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Build the model of this shape for this tokenizer, in float32, with seeded weights and tied embeddings."""
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": shape.hidden_size,
        "intermediate_size": 3 * shape.hidden_size,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_heads,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if shape.initial == "lookup":  # slow rotations leave room to compare contents at any distance
        settings |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}
        settings |= {"attention_bias": True} if shape.family == "llama" else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(shape.seed)
        model: PreTrainedModel = (
            Qwen2ForCausalLM(Qwen2Config(**settings))
            if shape.family == "qwen2"
            else LlamaForCausalLM(LlamaConfig(**settings))
        )
    if shape.initial == "lookup":
        start_with_lookup(model, shape.seed)
    return cast(PreTrainedModel, model.eval())
