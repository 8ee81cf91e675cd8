"""Stage 2: a compressor learns to say the message in K latents, heard by the frozen actor of stage 1.

L = λ_task·L_task + λ_pref·L_pref + λ_geom·L_geom (§4 and appendix B of the Interlat paper) over three passes of the actor:
A the compressed message, D the full message, B silence.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import AdamW

from interlat.agents.actor import Predictions
from interlat.agents.compressor import Compressor, CompressorSettings
from interlat.agents.run_folder import carry_actor, load_actor, read_stage, save_compressor
from interlat.data.batches import Batch, Collator
from interlat.data.keywords import Keywords
from interlat.data.latent_store import LatentStore, StoredMessage
from interlat.errors import CheckpointMismatch, InvalidSetting
from interlat.losses import geometry_loss, preference_loss, task_loss
from interlat.models.backbone import hidden_size, token_logits
from interlat.training.callbacks import write_stage_file
from interlat.training.fitted_starts import predicted_embeddings, require_same_vocabulary
from interlat.training.optimization import Schedule, Stage, gradient_norm
from interlat.training.passes import read_messages
from interlat.training.sharding import shard

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompressionWeights:
    """Weights of the terms of stage 2; the paper sets its three to 1, and has no fourth.

    Args:
        task: λ_task.
        preference: λ_pref.
        geometry: λ_geom.
        keyword: λ_key of L_key, ours: the k-th latent shall predict the k-th keyword of the sender's plan, its K most surprising
            tokens (``interlat.data.keywords``). Cross-entropy in nats, by the compressor's own head. 0 leaves it out.
        temperature: T of L_pref, at least 1; the paper does not give its value, 1 leaves the distributions as they are.
        clip_quantile: L_pref's weights are clipped at this quantile of the positive ones; None leaves them.
    """

    task: float = 1.0
    preference: float = 1.0
    geometry: float = 1.0
    keyword: float = 0.0
    temperature: float = 1.0
    clip_quantile: float | None = 0.95

    def __post_init__(self) -> None:
        if min(self.task, self.preference, self.geometry, self.keyword) < 0 or self.temperature < 1:
            raise InvalidSetting(f"weights must be at least 0 and the temperature at least 1, got {self}")


class CompressionStage(Stage):
    """Trains a compressor through the frozen actor.

    Args:
        compressor: what it is made of.
        actor: run folder of stage 1.
        weights: of the loss terms.
        optimizer: called with the trained parameters.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of the bridge's weights and dropout.
    """

    shards = True

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        compressor: CompressorSettings,
        actor: str,
        *,
        weights: CompressionWeights = CompressionWeights(),
        optimizer: OptimizerCallable = AdamW,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        self.settings, self.actor_folder, self.weights = compressor, Path(actor), weights
        self.make_optimizer, self.warmup_share, self.schedule = optimizer, warmup_share, schedule
        self.stage_one = read_stage(self.actor_folder, "actor")
        self.compressor: Compressor | None = None

    def configure_model(self) -> None:
        """Load the frozen actor and build the compressor."""
        if self.compressor is not None:
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if data.silence_share:
            raise InvalidSetting(
                f"stage 2 compresses messages, but silence_share is {data.silence_share}; set data.init_args.silence_share: 0"
            )
        data.store.require(
            **{key: self.stage_one["sender"][key] for key in ("sender", "weights", "view", "plans", "width")}
        )
        self.actor = load_actor(self.actor_folder).requires_grad_(requires_grad=False)
        torch.manual_seed(self.seed)  # collecting messages, which only a first run does, has moved the state
        self.compressor = Compressor.build(self.settings, self.stage_one["sender"]["view"]).train()
        width = hidden_size(self.compressor.lm)
        if width != self.stage_one["sender_dim"]:
            raise CheckpointMismatch(
                f"the actor in '{self.actor_folder}' reads latents of width {self.stage_one['sender_dim']}, but the compressor "
                f"{self.settings.backbone} has width {width}; use a backbone of the sender's width"
            )

        if self.settings.bridge == "fitted":
            self._fit_bridge(self.compressor, data.store)
        if self.weights.keyword:
            require_same_vocabulary(data.store, self.compressor.tokenizer, "weights.keyword above 0")
            self.keywords = Keywords(plan.plan_ids for plan in data.store)
        shard(self, [self.compressor.lm, self.actor.lm])

    def _fit_bridge(self, compressor: Compressor, store: LatentStore) -> None:
        messages, embeddings = predicted_embeddings(store, compressor.lm, compressor.tokenizer, "compressor.bridge")
        explained = compressor.bridge.fit(torch.cat(messages), torch.cat(embeddings))
        log.info("the bridge starts fitted to %d plans and explains %.3f of the variance", len(messages), explained)

    def train(self, mode: bool = True) -> "CompressionStage":
        """The actor stays in eval mode: its dropout would blur what the compressor is told."""
        super().train(mode)
        if self.compressor is not None:
            self.actor.eval()
        return self

    def collator(self) -> Collator:
        """Tokenises items for the actor; plans are not needed here."""

        def plan_tokens(message: StoredMessage) -> Tensor:
            return message.plan_ids

        return Collator(self.actor.conversation, plan_tokens)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step of λ_task·L_task + λ_pref·L_pref + λ_geom·L_geom."""
        terms = self._terms(batch)
        weights = self.weights
        total = weights.task * terms["loss_task"] + weights.preference * terms["loss_preference"]
        total = total + weights.geometry * terms["loss_geometry"]
        if weights.keyword:
            total = total + weights.keyword * terms["loss_keyword"]
        self.log("train/loss", total, prog_bar=True, batch_size=len(batch.records))
        self.log_dict({f"train/{name}": value for name, value in terms.items()}, batch_size=len(batch.records))
        return total

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The same terms on held-out games, beside the actor's cross-entropy on full messages and in silence."""
        terms = self._terms(batch)
        size = len(batch.records)
        self.log("val/loss", terms["loss_task"], prog_bar=True, batch_size=size, sync_dist=True)
        self.log_dict({f"val/{name}": value for name, value in terms.items()}, batch_size=size, sync_dist=True)

    def _terms(self, batch: Batch) -> dict[str, Tensor]:
        assert self.compressor is not None
        house = self.stage_one["sender"]["view"] == "house"
        prompts = [
            self.compressor.prompt_ids(record.opening, record.house if house else None) for record in batch.records
        ]
        latents = self.compressor(prompts)
        compressed = self.actor.adapt(list(latents))
        path_a = read_messages(self.actor, batch.segments, compressed)
        with torch.no_grad():
            full = self.actor.adapt(batch.latents)
            path_d = read_messages(self.actor, batch.segments, full)
            path_b = read_messages(self.actor, batch.segments, [])
        padded_a, mask_a = _padded(compressed)
        padded_d, mask_d = _padded(full)
        terms = {} if not self.weights.keyword else {"loss_keyword": self._keyword_loss(latents, batch.plan_ids)}
        return terms | {
            "loss_task": _cross_entropy(path_a),
            "loss_preference": preference_loss(
                path_a.logits, path_d.logits, path_b.logits, self.weights.temperature, self.weights.clip_quantile
            ),
            "loss_geometry": geometry_loss(padded_a, padded_d, mask_a, mask_d),
            "loss_task_full": _cross_entropy(path_d),
            "loss_task_silent": _cross_entropy(path_b),
            "message_norm": torch.cat([row.detach() for row in compressed]).norm(dim=-1).mean(),
        }

    def _keyword_loss(self, latents: Tensor, plans: list[Tensor]) -> Tensor:
        """L_key: mean over all keywords of the batch of -log p(keyword k | z_k); latents beyond the last keyword are free."""
        assert self.compressor is not None
        places = [self.keywords.positions(plan, latents.shape[1]) for plan in plans]
        told = torch.cat([row[: len(kept)] for row, kept in zip(latents, places, strict=True)])
        targets = torch.cat([plan[kept] for plan, kept in zip(plans, places, strict=True)]).to(told.device)
        everywhere = torch.ones_like(targets, dtype=torch.bool)
        return task_loss(token_logits(self.compressor.lm, told)[None], targets[None], everywhere[None])

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log gradient norms before clipping, the bridge's and the language model's apart."""
        assert self.compressor is not None
        self.log("train/gradient_norm_bridge", gradient_norm(self.compressor.bridge.parameters()))
        self.log("train/gradient_norm_lm", gradient_norm(self.compressor.lm.parameters()))

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        return self.scheduled(self.make_optimizer(self.trained_parameters()), self.warmup_share, self.schedule)

    def export(self, folder: Path) -> None:
        """Write the compressor, and the actor it was trained for beside it."""
        assert self.compressor is not None
        save_compressor(self.compressor, folder)
        carry_actor(self.actor_folder, folder)
        carried = {key: self.stage_one[key] for key in ("actor", "sender_dim", "sender")}
        write_stage_file(
            folder, {"stage": "compression", "compressor": asdict(self.settings), **carried, "steps": self.global_step}
        )


def _padded(messages: list[Tensor]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(message) for message in messages], device=messages[0].device)
    padded = nn.utils.rnn.pad_sequence(messages, batch_first=True)
    return padded, torch.arange(padded.shape[1], device=padded.device) < lengths[:, None]


def _cross_entropy(predictions: Predictions) -> Tensor:
    targets = predictions.targets[None]
    return task_loss(predictions.logits[None], targets, torch.ones_like(targets, dtype=torch.bool))
