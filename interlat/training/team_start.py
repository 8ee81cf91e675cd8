"""Where a team's training starts: fitted bridges and links, and an actor that learns on. Knows no losses and no optimizer."""

import logging

import torch
from peft import PeftModel

from interlat.agents.actor import Actor
from interlat.agents.team import Team
from interlat.data.latent_store import LatentStore
from interlat.errors import InvalidSetting
from interlat.models.backbone import hidden_size
from interlat.training.fitted_starts import predicted_embeddings

log = logging.getLogger(__name__)


def fit_team(team: Team, store: LatentStore) -> None:
    """Fit every bridge and link to a sender's plans, so that members start by passing on what a plan in words would say.

    Args:
        team: whose members have the sender's width and vocabulary.
        store: the sender's messages and plans.

    Raises:
        InvalidSetting: if a member has another width.
        LatentStoreMismatch: if its vocabulary differs.
    """
    for member in team.settings.members:
        lm, tokenizer = team.lm_of(member), team.tokenizers[team.settings.model_of(member)]
        if hidden_size(lm) != store.width:
            raise InvalidSetting(
                f"team.start: fitted needs members of the sender's width {store.width}, but '{member.name}' has {hidden_size(lm)}; "
                "take start: random"
            )
        messages, embeddings = predicted_embeddings(store, lm, tokenizer, "team.start")
        speaker = team.speaker_of(member)
        explained = speaker.bridge.fit(torch.cat(messages), torch.cat(embeddings))
        log.info("the bridge of '%s' starts fitted and explains %.3f of the variance", member.name, explained)
        if speaker.link is not None:
            explained = speaker.link.fit(messages, embeddings)
            log.info("the link of '%s' starts fitted and explains %.3f of the variance", member.name, explained)


def let_learn(actor: Actor, learns: bool) -> None:
    """Let a loaded or new actor learn on, or freeze it whole."""
    if not learns:
        actor.requires_grad_(requires_grad=False)
    elif isinstance(actor.lm, PeftModel):
        actor.lm.set_adapter("default")  # a loaded LoRA is frozen until it is made the active one
