"""Stage 1: the actor learns to read messages. Knows nothing of games or of how messages were made.

L = L_task + λ_S·L_sep + λ_A·L_align  (§3.2 of the Interlat paper), with a curriculum from plan tokens to latents.
"""

import logging
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.optim import AdamW

from interlat.adapter import CommunicationAdapter
from interlat.agents.actor import Actor, ActorSettings, Predictions
from interlat.agents.run_folder import save_actor
from interlat.curriculum import CurriculumRate
from interlat.data.batches import Batch, Collator
from interlat.data.latent_store import LatentStore, StoredMessage
from interlat.errors import InvalidSetting, LatentStoreMismatch
from interlat.losses import alignment_loss, js_divergence, margin_loss, separation_loss, task_loss
from interlat.models.chat import encode
from interlat.models.vocabulary import fingerprint
from interlat.training.actor_weights import ActorWeights
from interlat.training.callbacks import write_stage_file
from interlat.training.fitted_starts import retold_embeddings
from interlat.training.optimization import Schedule, Stage, batch_generator, gradient_norm
from interlat.training.passes import curriculum_messages, mismatched_messages, read_messages
from interlat.training.sharding import shard

log = logging.getLogger(__name__)


class ActorStage(Stage):
    """Trains actor and adapter on trajectories with their senders' messages.

    Args:
        actor: what the actor is made of.
        weights: of the loss terms.
        curriculum: the rates r, drawn for each example and step.
        optimizer: called with two groups: the language model's trained parameters, and the adapter's.
        adapter_lr_scale: the adapter's learning rate as a multiple of the language model's. The adapter begins with an output
            near zero (0.02 of a normalised vector), and a short run spends itself on getting it heard; 1 as in the paper.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of the adapter's weights, dropout, rates and negatives.
    """

    shards = True

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        actor: ActorSettings,
        *,
        weights: ActorWeights = ActorWeights(),  # noqa: B008 - frozen
        curriculum: CurriculumRate = CurriculumRate(),  # noqa: B008 - frozen
        optimizer: OptimizerCallable = AdamW,
        adapter_lr_scale: float = 1.0,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        if adapter_lr_scale <= 0:
            raise InvalidSetting(f"adapter_lr_scale must be above 0, got {adapter_lr_scale}; 1 trains both at one rate")
        self.adapter_lr_scale = adapter_lr_scale
        self.settings, self.weights, self.curriculum = actor, weights, curriculum
        self.make_optimizer, self.warmup_share, self.schedule = optimizer, warmup_share, schedule
        self.actor: Actor | None = None

    def configure_model(self) -> None:
        """Build the actor, with an adapter as wide as the sender's latents."""
        if self.actor is None:
            torch.manual_seed(self.seed)  # collecting messages, which only a first run does, has moved the state
            self.actor = Actor.build(self.settings).train()
            store = self.trainer.datamodule.store  # type: ignore[attr-defined]
            wanted = self.settings.sender_dim or self.actor.width
            if store.width != wanted:
                raise LatentStoreMismatch(
                    f"the adapter reads latents of width {wanted}, but the store '{store.folder}' holds width {store.width} "
                    f"(sender {store.provenance.get('sender')}); set actor.sender_dim: {store.width}, or collect with another sender"
                )
            if self.settings.adapter_start == "fitted":
                self._fit_adapter(self.actor, store)
            self._require_as_many_passes()
            shard(self, [self.actor.lm])

    def _require_as_many_passes(self) -> None:
        silence = self.trainer.datamodule.silence_share  # type: ignore[attr-defined]
        if self.device_mesh is not None and self.weights.mismatched_gradient and 0 < silence < 1:
            raise InvalidSetting(
                "mismatched_gradient: true gives a batch with messages one pass with a gradient more than a batch of silence, and sharded "
                f"processes wait for each other's; got silence_share {silence}: set it to 0 or 1, or leave mismatched_gradient out"
            )

    def _fit_adapter(self, actor: Actor, store: LatentStore) -> None:
        if not isinstance(actor.adapter, CommunicationAdapter):
            raise InvalidSetting(
                "adapter_start: fitted has no adapter to fit where identity_adapter is true; leave one of them out"
            )
        messages, embeddings = retold_embeddings(store, actor.lm, actor.tokenizer)
        explained = actor.adapter.fit(messages, embeddings)
        log.info("the adapter starts fitted to %d plans and explains %.3f of the variance", len(messages), explained)

    @property
    def model(self) -> Actor:
        """The actor, once built."""
        assert self.actor is not None, "configure_model has not run"
        return self.actor

    def collator(self) -> Collator:
        """Tokenises items for this actor; the data module asks for it."""
        same = self.trainer.datamodule.store.provenance.get("tokenizer") == fingerprint(self.model.tokenizer)  # type: ignore[attr-defined]
        tokenizer = self.model.tokenizer

        def plan_tokens(message: StoredMessage) -> Tensor:
            # A plan in another vocabulary is tokenised again; the curriculum then scales its cut.
            return message.plan_ids if same else torch.tensor(encode(tokenizer, message.plan), dtype=torch.long)

        return Collator(self.model.conversation, plan_tokens)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step of L_task + λ_S·L_sep + λ_A·L_align."""
        generator = batch_generator(self.seed, self.batch_number)
        rates = [self.curriculum.draw(generator) for _ in range(batch.num_messages)]
        terms = self._terms(batch, rates, generator)
        done = self.global_step / max(1.0, float(self.trainer.estimated_stepping_batches))
        separation, alignment = self.weights.annealed(done, terms["loss_separation"], terms["loss_alignment"])
        total = terms["loss_task"] + separation * terms["loss_separation"] + alignment * terms["loss_alignment"]
        if self.weights.margin:
            total = total + self.weights.margin * terms["loss_margin"]
        self.log("train/loss", total, prog_bar=True, batch_size=len(batch.records))
        self.log_dict({f"train/{name}": value for name, value in terms.items()}, batch_size=len(batch.records))
        if rates:
            self.log("train/rate", sum(rates) / len(rates), batch_size=len(rates))
        self.log("train/weight_separation", separation)
        self.log("train/weight_alignment", alignment)
        return total

    def _terms(self, batch: Batch, rates: list[float], generator: torch.Generator) -> dict[str, Tensor]:
        actor = self.model
        adapted = actor.adapt(batch.latents)
        plans = [actor.embed(ids) for ids in batch.plan_ids]
        matched = read_messages(actor, batch.segments, curriculum_messages(plans, adapted, rates))
        none = matched.logits.new_zeros(())
        terms = {"loss_task": _cross_entropy(matched), "loss_separation": none, "loss_alignment": none, "js": none}
        if self.weights.margin:
            terms["loss_margin"] = none
        if not batch.num_messages:
            if self.trainer.world_size > 1:  # a gradient of zero: other processes wait for one of every parameter
                terms["loss_task"] = terms["loss_task"] + 0.0 * sum(p.sum() for p in actor.adapter.parameters())
            return terms
        heard = matched.logits[matched.rows < batch.num_messages][None]
        everywhere = torch.ones(heard.shape[:2], dtype=torch.bool, device=heard.device)
        rows = batch.segments[: batch.num_messages]
        terms["message_norm"] = torch.cat([row.detach() for row in adapted]).norm(dim=-1).mean()
        if self.weights.compares:
            constant = not self.weights.mismatched_gradient
            with torch.no_grad() if constant else nullcontext():
                others = mismatched_messages(batch, plans, adapted, rates, generator)
                mismatched = None if others is None else read_messages(actor, rows, others)
            if mismatched is not None:
                other = mismatched.logits[None]
                terms["loss_separation"] = separation_loss(heard, other, everywhere, constant)
                terms["js"] = -terms["loss_separation"].detach()
                if self.weights.margin:
                    terms["loss_margin"] = margin_loss(
                        heard, other, mismatched.targets[None], everywhere, self.weights.margin_nats, constant
                    )
        if self.weights.alignment:
            with torch.no_grad():
                planned = read_messages(actor, rows, plans)
            terms["loss_alignment"] = alignment_loss(
                heard, planned.logits[None], everywhere, self.weights.kl, self.weights.cosine
            )
        return terms

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Cross-entropy with latents alone (the test condition), with another task's, with the plan's text, and in silence."""
        actor = self.model
        count = batch.num_messages
        rows, zero, one = batch.segments[:count], [0.0] * count, [1.0] * count
        if count:
            adapted = actor.adapt(batch.latents)
            plans = [actor.embed(ids) for ids in batch.plan_ids]
            matched = read_messages(actor, rows, adapted)
            values = {
                "loss": _cross_entropy(matched),
                "loss_text": _cross_entropy(read_messages(actor, rows, curriculum_messages(plans, adapted, one))),
            }
            others = mismatched_messages(batch, plans, adapted, zero, batch_generator(self.seed, batch_idx))
            if others is not None:
                mismatched = read_messages(actor, rows, others)
                values["loss_mismatched"] = _cross_entropy(mismatched)
                values["js"] = js_divergence(matched.logits, mismatched.logits).mean()
            held_out = {f"val/{name}": value for name, value in values.items()}
            self.log_dict(held_out, batch_size=count, prog_bar=True, sync_dist=True)
        if count < len(batch.segments):
            silent = _cross_entropy(read_messages(actor, batch.segments[count:], []))
            self.log("val/loss_silent", silent, batch_size=len(batch.segments) - count, sync_dist=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log gradient norms before clipping, the adapter's and the language model's apart."""
        self.log("train/gradient_norm_adapter", gradient_norm(self.model.adapter.parameters()))
        self.log("train/gradient_norm_lm", gradient_norm(self.model.lm.parameters()))

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        adapter = list(self.model.adapter.parameters())
        others = [parameter for parameter in self.model.lm.parameters() if parameter.requires_grad]
        groups = [{"params": group} for group in (others, adapter) if group]
        optimizer = self.make_optimizer(groups)
        if adapter:
            optimizer.param_groups[-1]["lr"] *= self.adapter_lr_scale
        return self.scheduled(optimizer, self.warmup_share, self.schedule)

    def export(self, folder: Path) -> None:
        """Write adapter, language model and tokenizer, and what they were trained on."""
        save_actor(self.model, folder)
        store = self.trainer.datamodule.store  # type: ignore[attr-defined]
        write_stage_file(
            folder,
            {
                "stage": "actor",
                "actor": asdict(self.settings),
                "sender_dim": store.width,
                "sender": store.provenance,
                "steps": self.global_step,
            },
        )


def _cross_entropy(predictions: Predictions) -> Tensor:
    targets = predictions.targets[None]
    return task_loss(predictions.logits[None], targets, torch.ones_like(targets, dtype=torch.bool))
