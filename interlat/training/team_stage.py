"""A team and its actor learn together, end to end: the actor's loss teaches every member what to say.

L = L_task + λ_S·L_sep + λ_key·L_key, the first two over the actor's supervised tokens (§5.4 of the Interlat paper gives the
topologies and K, not the loss; L_sep as in stage 1, L_key as in stage 2). Knows nothing of games.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.optim import AdamW

from interlat.agents.actor import Actor, ActorSettings, Predictions
from interlat.agents.run_folder import load_actor, read_stage, save_actor
from interlat.agents.team import Team
from interlat.agents.team_folder import TEAM_STAGE, save_team
from interlat.agents.team_settings import TeamSettings
from interlat.data.batches import Batch, Collator
from interlat.data.keywords import Keywords
from interlat.data.latent_store import LatentStore, StoredMessage
from interlat.data.negatives import mismatched_partners
from interlat.errors import InvalidSetting
from interlat.losses import js_divergence, separation_loss, task_loss
from interlat.models.backbone import token_logits
from interlat.training.callbacks import write_stage_file
from interlat.training.fitted_starts import require_same_vocabulary
from interlat.training.optimization import Schedule, Stage, batch_generator, gradient_norm
from interlat.training.passes import read_messages
from interlat.training.team_start import fit_team, let_learn


@dataclass(frozen=True)
class TeamWeights:
    """Weights of the terms beside L_task; 0 leaves a term and its pass out.

    Args:
        separation: λ_S; the paper's range for stage 1 is 0.1 to 1.0.
        keyword: λ_key of L_key, ours, as in stage 2: the k-th latent of every member shall predict the k-th keyword of the
            sender's plan by the member's own head. Who cannot know a word is thereby taught to say that it does not: its
            latent stays undecided. Cross-entropy in nats, mean over keywords and members.
    """

    separation: float = 0.1
    keyword: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0:
                raise InvalidSetting(f"weight '{name}' must be at least 0, got {value}; 0 leaves the term out")


class TeamStage(Stage):
    """Trains the members of a team and their actor jointly.

    Args:
        team: members, and who hears whom.
        actor: run folder of stage 1 to start from, or what a new actor is made of.
        train_actor: whether the actor and its adapter learn too, as in the paper; False keeps them as they are.
        weights: of the loss terms.
        optimizer: called with two groups: the team's trained parameters, and the actor's.
        actor_lr_scale: the actor's learning rate as a multiple of the team's.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of new weights, dropout and negatives.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        team: TeamSettings,
        actor: str | ActorSettings,
        *,
        train_actor: bool = True,
        weights: TeamWeights = TeamWeights(),
        optimizer: OptimizerCallable = AdamW,
        actor_lr_scale: float = 1.0,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        if actor_lr_scale <= 0:
            raise InvalidSetting(
                f"actor_lr_scale must be above 0, got {actor_lr_scale}; train_actor: false keeps the actor as it is"
            )
        self.settings, self.train_actor, self.weights = team, train_actor, weights
        self.make_optimizer, self.actor_lr_scale = optimizer, actor_lr_scale
        self.warmup_share, self.schedule = warmup_share, schedule
        self.actor_start = actor
        self.stage_one: dict[str, Any]  # what the actor is made of, and whose messages it has learnt to read so far
        if isinstance(actor, str):
            self.stage_one = read_stage(Path(actor), "actor")
        else:
            self.stage_one = {"actor": asdict(actor), "sender_dim": actor.sender_dim}
        self.team: Team | None = None

    def configure_model(self) -> None:
        """Load or build the actor, and build the team before it."""
        if self.team is not None:
            return
        store = self.trainer.datamodule.store  # type: ignore[attr-defined]
        self._check_view(store)
        if "sender" in self.stage_one:
            # The actor goes on from messages of this sender; members start as it where they start fitted.
            store.require(**{key: self.stage_one["sender"][key] for key in ("sender", "weights", "width")})
        torch.manual_seed(self.seed)  # collecting messages, which only a first run does, has moved the state
        start = self.actor_start
        self.actor = load_actor(Path(start)) if isinstance(start, str) else Actor.build(start)
        self.sender_dim = int(self.stage_one["sender_dim"] or self.actor.width)
        let_learn(self.actor, self.train_actor)
        self.team = Team.build(self.settings, self.sender_dim)
        if self.settings.start == "fitted":
            fit_team(self.team, store)
        if self.weights.keyword:
            for tokenizer in self.team.tokenizers.values():
                require_same_vocabulary(store, tokenizer, "weights.keyword above 0")
            self.keywords = Keywords(plan.plan_ids for plan in store)
        self.train()

    def _check_view(self, store: LatentStore) -> None:
        curious = [member.name for member in self.settings.members if member.house_part is not None]
        if curious and store.provenance["view"] != "house":
            raise InvalidSetting(
                f"{', '.join(curious)} read where things are, but the data's sender has view: {store.provenance['view']}; "
                "set data.init_args.sender.view: house, or house: none for every member"
            )

    @property
    def model(self) -> Team:
        """The team, once built."""
        assert self.team is not None, "configure_model has not run"
        return self.team

    def train(self, mode: bool = True) -> "TeamStage":
        """What is not trained stays in eval mode: its dropout would blur what the rest is told."""
        super().train(mode)
        if self.team is not None:
            if not self.train_actor:
                self.actor.eval()
            if self.settings.weights == "frozen":
                self.team.lms.eval()
        return self

    def collator(self) -> Collator:
        """Tokenises items for the actor; plans stay in the sender's vocabulary."""

        def plan_tokens(message: StoredMessage) -> Tensor:
            return message.plan_ids

        return Collator(self.actor.conversation, plan_tokens)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step of L_task + λ_S·L_sep + λ_key·L_key."""
        said = self._say(batch)
        messages = self._messages(said)
        matched = read_messages(self.actor, batch.segments, messages)
        loss = _cross_entropy(matched)
        terms = {"loss_task": loss}
        if self.weights.separation and messages:
            separation = self._separation(batch, messages, matched)
            loss = loss + self.weights.separation * separation
            terms["loss_separation"] = separation
        if self.weights.keyword and said:
            terms["loss_keyword"] = self._keyword_loss(said, batch.plan_ids)
            loss = loss + self.weights.keyword * terms["loss_keyword"]
        if messages:
            terms["message_norm"] = torch.cat([row.detach() for row in messages]).norm(dim=-1).mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.records))
        self.log_dict({f"train/{name}": value for name, value in terms.items()}, batch_size=len(batch.records))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Cross-entropy with the team's messages, with another task's, without each member in turn, and in silence."""
        count = batch.num_messages
        rows = batch.segments[:count]
        if count:
            said = self._say(batch)
            messages = self._messages(said)
            matched = read_messages(self.actor, rows, messages)
            values = {"loss": _cross_entropy(matched)}
            others = self._mismatched(batch, messages, batch_generator(self.seed, batch_idx))
            if others is not None:
                mismatched = read_messages(self.actor, rows, others)
                values["loss_mismatched"] = _cross_entropy(mismatched)
                values["js"] = js_divergence(matched.logits, mismatched.logits).mean()
            if self.weights.keyword:
                values["loss_keyword"] = self._keyword_loss(said, batch.plan_ids)
            for name in self._dispensable():
                without = read_messages(self.actor, rows, self._messages(self._say(batch, name)))
                values[f"loss_without_{name}"] = _cross_entropy(without)
            self.log_dict(
                {f"val/{name}": value for name, value in values.items()},
                batch_size=count,
                prog_bar=True,
                sync_dist=True,
            )
        if count < len(batch.segments):
            silent = _cross_entropy(read_messages(self.actor, batch.segments[count:], []))
            self.log("val/loss_silent", silent, batch_size=len(batch.segments) - count, sync_dist=True)

    def _say(self, batch: Batch, left_out: str | None = None) -> dict[str, Tensor]:
        """Every member's latents for the rows that have a message; nothing where there are none."""
        records = batch.records[: batch.num_messages]
        if not records:
            return {}
        openings, houses = [record.opening for record in records], [record.house for record in records]
        return self.model.say(openings, houses, left_out=() if left_out is None else (left_out,))

    def _messages(self, said: dict[str, Tensor]) -> list[Tensor]:
        """What the actor reads in each row: what it hears, through its adapter."""
        return self.actor.adapt(list(self.model.heard(said))) if said else []

    def _keyword_loss(self, said: dict[str, Tensor], plans: list[Tensor]) -> Tensor:
        """L_key: mean over members and their keywords of -log p(keyword k | z_k); latents beyond the last keyword are free."""
        losses = []
        for member in self.settings.members:
            latents = said[member.name]
            places = [self.keywords.positions(plan, latents.shape[1]) for plan in plans]
            told = torch.cat([row[: len(kept)] for row, kept in zip(latents, places, strict=True)])
            targets = torch.cat([plan[kept] for plan, kept in zip(plans, places, strict=True)]).to(told.device)
            everywhere = torch.ones_like(targets, dtype=torch.bool)
            logits = token_logits(self.model.lm_of(member), told)
            losses.append(task_loss(logits[None], targets[None], everywhere[None]))
        return torch.stack(losses).mean()

    def _separation(self, batch: Batch, messages: list[Tensor], matched: Predictions) -> Tensor:
        generator = batch_generator(self.seed, self.batch_number)
        with torch.no_grad():
            others = self._mismatched(batch, messages, generator)
            if others is None:
                return matched.logits.new_zeros(())
            mismatched = read_messages(self.actor, batch.segments[: batch.num_messages], others)
        heard = matched.logits[matched.rows < batch.num_messages][None]
        everywhere = torch.ones(heard.shape[:2], dtype=torch.bool, device=heard.device)
        return separation_loss(heard, mismatched.logits[None], everywhere)

    def _mismatched(self, batch: Batch, messages: list[Tensor], generator: torch.Generator) -> list[Tensor] | None:
        """For each row, another task's message; None if a row has no other task beside it."""
        partners = mismatched_partners([record.game_id for record in batch.records[: len(messages)]], generator)
        found = [messages[partner] for partner in partners if partner is not None]
        return found if len(found) == len(messages) else None

    def _dispensable(self) -> list[str]:
        """Members without whom the actor still hears someone."""
        heard = self.settings.actor_hears
        return [member.name for member in self.settings.members if heard != (member.name,)]

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log gradient norms before clipping, each member's and the actor's apart."""
        for name, speaker in self.model.speakers.items():
            self.log(f"train/gradient_norm_{name}", gradient_norm(speaker.parameters()))
        self.log("train/gradient_norm_members", gradient_norm(self.model.lms.parameters()))
        self.log("train/gradient_norm_actor", gradient_norm(self.actor.parameters()))

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        team = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        actor = [parameter for parameter in self.actor.parameters() if parameter.requires_grad]
        optimizer = self.make_optimizer([{"params": group} for group in (team, actor) if group])
        if actor:
            optimizer.param_groups[-1]["lr"] *= self.actor_lr_scale
        return self.scheduled(optimizer, self.warmup_share, self.schedule)

    def export(self, folder: Path) -> None:
        """Write the team and its actor, and what they were trained on."""
        save_actor(self.actor, folder)
        save_team(self.model, folder)
        store = self.trainer.datamodule.store  # type: ignore[attr-defined]
        content = {
            "stage": TEAM_STAGE,
            "team": asdict(self.settings),
            "roles": self.model.roles,
            "actor": self.stage_one["actor"],
            "sender_dim": self.sender_dim,
            "sender": store.provenance,
            "steps": self.global_step,
        }
        write_stage_file(folder, content)


def _cross_entropy(predictions: Predictions) -> Tensor:
    targets = predictions.targets[None]
    return task_loss(predictions.logits[None], targets, torch.ones_like(targets, dtype=torch.bool))
