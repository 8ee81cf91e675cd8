"""Teach a causal language model from documents: a tiny one the household's language, or a given one to write plans.

Plain next-token training; knows nothing of messages, adapters or evaluation.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from peft import PeftModel
from torch import Tensor
from torch.optim import AdamW
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.errors import CheckpointMismatch, InvalidSetting
from interlat.losses import task_loss
from interlat.losses.masking import next_token_pairs
from interlat.models import Lora, TinyLM, add_lora, build_tiny_lm, load_causal_lm
from interlat.models.backbone import embed_tokens, last_layer_states, token_logits
from interlat.models.vocabulary import fingerprint
from interlat.training.callbacks import write_stage_file
from interlat.training.document_data import PaddedDocuments
from interlat.training.optimization import Schedule, Stage, gradient_norm


class DocumentStage(Stage):
    """Next-token training on documents.

    Args:
        shape: of a tiny model built for the data module's tokenizer.
        backbone: instead of a shape, a model to go on from, as ``load_causal_lm`` takes it; it has the data module's vocabulary.
        lora: low-rank adaptation of the backbone, merged into its weights on export; None trains every weight.
        optimizer: called with the parameters.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of LoRA's weights and of dropout.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        shape: TinyLM | None = None,
        backbone: str | None = None,
        lora: Lora | None = None,
        *,
        optimizer: OptimizerCallable = AdamW,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        if (shape is None) == (backbone is None):
            raise InvalidSetting(
                f"wanted either the shape of a new model or a backbone to go on from, got {'neither' if shape is None else 'both'}"
            )
        self.shape, self.backbone, self.lora, self.make_optimizer = shape, backbone, lora, optimizer
        self.warmup_share, self.schedule = warmup_share, schedule
        self.lm: PreTrainedModel | PeftModel | None = None

    def configure_model(self) -> None:
        """Build or load the model; its vocabulary is the data module's."""
        if self.lm is None:
            self.tokenizer: PreTrainedTokenizerBase = self.trainer.datamodule.tokenizer  # type: ignore[attr-defined]
            torch.manual_seed(self.seed)  # making data, which only a first run does, has moved the state
            self.lm = self._build().train()

    def _build(self) -> PreTrainedModel | PeftModel:
        if self.backbone is None:
            assert self.shape is not None
            model = build_tiny_lm(self.shape, self.tokenizer)
        else:
            model, tokenizer = load_causal_lm(self.backbone)
            if fingerprint(tokenizer) != fingerprint(self.tokenizer):
                raise CheckpointMismatch(
                    f"wanted documents in the vocabulary of '{self.backbone}', got another; set data.tokenizer: {self.backbone}"
                )
        return model if self.lora is None else add_lora(model, None, self.lora)

    def _loss(self, batch: PaddedDocuments) -> Tensor:
        ids, mask, supervised = batch
        assert self.lm is not None
        states = last_layer_states(self.lm, embed_tokens(self.lm, ids), mask)
        predicting, targets, keep = next_token_pairs(states, ids, supervised)
        logits = token_logits(self.lm, predicting[keep])
        return task_loss(logits[None], targets[keep][None], torch.ones_like(targets[keep][None], dtype=torch.bool))

    def training_step(self, batch: PaddedDocuments, batch_idx: int) -> Tensor:
        """Mean next-token cross-entropy, nats."""
        loss = self._loss(batch)
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/tokens", float(batch[1].sum()))
        return loss

    def validation_step(self, batch: PaddedDocuments, batch_idx: int) -> None:
        """The same on held-out games."""
        self.log("val/loss", self._loss(batch), prog_bar=True, batch_size=len(batch[0]))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the gradient's norm before clipping."""
        self.log("train/gradient_norm", gradient_norm(self.trained_parameters()))

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        return self.scheduled(self.make_optimizer(self.trained_parameters()), self.warmup_share, self.schedule)

    def export(self, folder: Path) -> None:
        """Save model and tokenizer as a folder that ``load_causal_lm`` takes."""
        assert self.lm is not None
        model = self.lm
        if isinstance(model, PeftModel):
            model = cast(PreTrainedModel, model.merge_and_unload())
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        made = {
            "shape": self.shape and asdict(self.shape),
            "backbone": self.backbone,
            "lora": self.lora and asdict(self.lora),
        }
        write_stage_file(folder, {"stage": "documents", **made, "steps": self.global_step})
