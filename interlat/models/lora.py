"""LoRA on a causal LM, with the boundary tokens' rows trained beside it; knows nothing of stages."""

from dataclasses import dataclass
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.models.boundary import boundary_ids


@dataclass(frozen=True)
class Lora:
    """Low-rank adaptation of the actor or the compressor.

    Args:
        rank: inner width r.
        alpha: scale; the update is multiplied by alpha / rank.
        dropout: on the input of the low-rank path.
        target_modules: names of the linear layers that get one.
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")


def add_lora(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None, settings: Lora) -> PeftModel:
    """Freeze the model, put LoRA on it, and train the rows of ``<bop>`` and ``<eop>``.

    Call ``add_boundary_tokens`` first: rows added later would be frozen. Without a tokenizer no row is trained.
    """
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.target_modules),
        trainable_token_indices=None if tokenizer is None else list(boundary_ids(tokenizer)),
        task_type="CAUSAL_LM",
    )
    return cast(PeftModel, get_peft_model(model, config))
