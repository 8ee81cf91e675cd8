"""A team of latent speakers before an actor: each reads its prompt and what it hears, and says K latents.

Nothing is decoded and nothing is detached between members: the gradient of the actor's loss reaches every one of them.
Knows no environment and no Lightning.

    chain    strategist → compiler → actor              tree    explorer ─┐
                                                                critic ───┴→ fusion → actor
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias, cast

import torch
from jaxtyping import Bool, Float
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.adapter import CommunicationAdapter
from interlat.agents.compressor import Bridge
from interlat.agents.team_prompts import member_text, role_texts
from interlat.agents.team_settings import Member, TeamSettings
from interlat.controls import truncate
from interlat.errors import InvalidMessage
from interlat.fusion import Fusion
from interlat.models import add_boundary_tokens, add_lora, boundary_ids, load_causal_lm
from interlat.models.backbone import embed_tokens, hidden_size
from interlat.models.cache import KVState, extend
from interlat.models.chat import ChatFormat, encode
from interlat.splice import Segments, lay_out, splice

LM: TypeAlias = PreTrainedModel | PeftModel


class Ears(nn.Module):
    """How a receiver takes in what it hears: one message as it is, several through a fusion.

    Args:
        senders: width of each sender's latents, by name, in the order in which they are read.
        dim: width of what the receiver reads.
    """

    def __init__(self, senders: Mapping[str, int], dim: int) -> None:
        super().__init__()
        several = len(senders) > 1 or any(width != dim for width in senders.values())
        self.fusion = Fusion(senders, dim) if several else None

    def forward(self, messages: Mapping[str, Float[Tensor, "batch _ _"]]) -> Float[Tensor, "batch latents dim"]:
        """One message out of those heard; at least one."""
        if self.fusion is None:
            (message,) = messages.values()
            return message
        return cast(Tensor, self.fusion(messages))


class Speaker(nn.Module):
    """What a member has beside its language model: a bridge to speak with and, where it hears others, ears and a link.

    Args:
        dim: width of its language model.
        senders: width of the latents of each member it hears, by name.
        link_heads: attention heads of the link.
        link_dropout: on the link's attention.
    """

    def __init__(self, dim: int, senders: Mapping[str, int], link_heads: int, link_dropout: float) -> None:
        super().__init__()
        self.bridge = Bridge(dim)
        # A single sender of another width needs no fusion: the link itself takes it in.
        width = next(iter(senders.values())) if len(senders) == 1 else dim
        self.ears = Ears(senders, width) if senders else None
        self.link = CommunicationAdapter(width, dim, link_heads, link_dropout) if senders else None

    def listen(self, heard: Mapping[str, Float[Tensor, "batch _ _"]]) -> Float[Tensor, "batch latents dim"]:
        """What is heard, as embeddings for the member's language model."""
        assert self.ears is not None
        assert self.link is not None
        message = self.ears(heard)
        return cast(Tensor, self.link(message, torch.ones(message.shape[:2], dtype=torch.bool, device=message.device)))


class Team(nn.Module):
    """The members of a team but the actor, and the ears through which the actor hears them.

    Args:
        settings: members, and who hears whom.
        models: language model and tokenizer by the name ``TeamSettings.model_of`` gives, boundary tokens added.
        roles: what each member is asked to do, by its name.
        actor_dim: width D of the message, that of the latents which the actor's adapter reads.
    """

    def __init__(
        self,
        settings: TeamSettings,
        models: Mapping[str, tuple[LM, PreTrainedTokenizerBase]],
        roles: Mapping[str, str],
        actor_dim: int,
    ) -> None:
        super().__init__()
        self.settings, self.roles = settings, dict(roles)
        self.lms = nn.ModuleDict({name: lm for name, (lm, _) in models.items()})
        self.tokenizers = {name: tokenizer for name, (_, tokenizer) in models.items()}
        self.chats = {name: ChatFormat.of(tokenizer) for name, tokenizer in self.tokenizers.items()}
        widths = {member.name: hidden_size(self.lm_of(member)) for member in settings.members}
        self.speakers = nn.ModuleDict()
        for member in settings.members:
            senders = {name: widths[name] for name in member.hears}
            speaker = Speaker(widths[member.name], senders, settings.link_heads, settings.link_dropout)
            self.speakers[member.name] = speaker.to(self.lm_of(member).dtype)
        self.ears = Ears({name: widths[name] for name in settings.actor_hears}, actor_dim)
        self.ears.to(self.lm_of(settings.members[0]).dtype)
        if settings.weights == "frozen":
            self.lms.requires_grad_(requires_grad=False)

    @classmethod
    def build(cls, settings: TeamSettings, actor_dim: int, roles: Mapping[str, str] | None = None) -> "Team":
        """Load the members' language models, with LoRA if asked for, and make new bridges, links and fusions.

        Args:
            settings: members, and who hears whom.
            actor_dim: width of the latents which the actor's adapter reads.
            roles: what each member is asked to do; None looks it up.
        """
        models: dict[str, tuple[LM, PreTrainedTokenizerBase]] = {}
        for member in settings.members:
            name, backbone = settings.model_of(member), member.backbone or settings.backbone
            if name not in models:
                lm, tokenizer = load_causal_lm(backbone, settings.dtype, settings.tokenizer)
                add_boundary_tokens(lm, tokenizer)
                models[name] = (lm if settings.lora is None else add_lora(lm, tokenizer, settings.lora), tokenizer)
        return cls(settings, models, role_texts(settings) if roles is None else roles, actor_dim)

    def lm_of(self, member: Member) -> LM:
        """A member's language model."""
        return cast(LM, self.lms[self.settings.model_of(member)])

    def speaker_of(self, member: Member) -> Speaker:
        """A member's bridge, and its link where it hears others."""
        return cast(Speaker, self.speakers[member.name])

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.speakers.parameters()).device

    def forward(
        self,
        openings: Sequence[str],
        houses: Sequence[str | None],
        keep: int | float | None = None,
        left_out: Collection[str] = (),
    ) -> Float[Tensor, "batch latents dim"]:
        """What the actor hears, before its adapter: ``heard(say(...))``."""
        return self.heard(self.say(openings, houses, keep, left_out))

    def say(
        self,
        openings: Sequence[str],
        houses: Sequence[str | None],
        keep: int | float | None = None,
        left_out: Collection[str] = (),
    ) -> dict[str, Float[Tensor, "batch _ _"]]:
        """Each member's latents, by its name, every member having read those it hears.

        Args:
            openings: the first observation with the task, of each row.
            houses: where things are, in words, or None where nobody is told.
            keep: how many latents each member that the actor hears says, as ``truncate`` counts: a number, or a share of
                its K; None is all. Members that only other members hear always say all of theirs.
            left_out: members that stay silent; who hears no one reads its prompt without a message.

        Gradient:
            Flows into every member's language model (unless frozen), bridge, link and fusion.
        """
        said: dict[str, Tensor] = {}
        for member in self.settings.order:
            if member.name not in left_out:
                messages = {name: said[name] for name in member.hears if name in said}
                said[member.name] = self._speak(member, openings, houses, messages, self._length(member, keep))
        return said

    def heard(self, said: Mapping[str, Float[Tensor, "batch _ _"]]) -> Float[Tensor, "batch latents dim"]:
        """What the actor hears of what was said, fused into one message where it hears several.

        Raises:
            InvalidMessage: if all that it would hear are silent.
        """
        message = {name: said[name] for name in self.settings.actor_hears if name in said}
        if not message:
            raise InvalidMessage(
                f"the actor hears {', '.join(self.settings.actor_hears)}, but all are left out; send Silence instead"
            )
        return cast(Tensor, self.ears(message))

    def read(
        self,
        member: Member,
        openings: Sequence[str],
        houses: Sequence[str | None],
        messages: Sequence[Float[Tensor, "_ dim"]],
    ) -> tuple[Float[Tensor, "batch tokens dim"], Bool[Tensor, "batch tokens"]]:
        """A member's prompts as input embeddings, padded on the left, and which entries are real.

        Args:
            member: who reads.
            openings: the first observation with the task, of each row.
            houses: where things are, in words.
            messages: one for each row, as embeddings of the member's language model; none where it hears no one.
        """
        name = self.settings.model_of(member)
        chat, tokenizer = self.chats[name], self.tokenizers[name]
        tail, rows = encode(tokenizer, chat.user_end), []
        for number, (opening, house) in enumerate(zip(openings, houses, strict=True)):
            text = chat.opening + member_text(member, self.roles, opening, house, bool(messages))
            length = len(messages[number]) if messages else None
            rows.append(Segments(encode(tokenizer, text), tail, [False] * len(tail), length))
        layout = lay_out(rows, boundary_ids(tokenizer), int(tokenizer.pad_token_id), padding="left").to(self.device)
        return splice(embed_tokens(self.lm_of(member), layout.ids), layout.message_mask, messages), layout.mask

    def _speak(
        self,
        member: Member,
        openings: Sequence[str],
        houses: Sequence[str | None],
        heard: Mapping[str, Tensor],
        num_latents: int,
    ) -> Tensor:
        speaker = self.speaker_of(member)
        embeddings, mask = self.read(member, openings, houses, list(speaker.listen(heard)) if heard else [])
        return unroll(self.lm_of(member), speaker.bridge, embeddings, mask, num_latents)

    def _length(self, member: Member, keep: int | float | None) -> int:
        if keep is None or member.name not in self.settings.actor_hears:
            return member.num_latents
        return len(truncate(torch.empty(member.num_latents, 1), keep))


def unroll(
    lm: LM,
    bridge: Bridge,
    embeddings: Float[Tensor, "batch tokens dim"],
    mask: Bool[Tensor, "batch tokens"],
    num_latents: int,
) -> Float[Tensor, "batch latents dim"]:
    """K latents behind a prompt: the state at its last entry, then the state at the bridged last latent, and so on.

    Source: §4 and appendix B of the Interlat paper, as in ``Compressor``.

    Args:
        lm: reads and speaks.
        bridge: from a state to the next input.
        embeddings: of the prompt, padded on the left.
        mask: True at real entries.
        num_latents: K.

    Gradient:
        Flows into the embeddings and through all K steps.
    """
    state = KVState.empty(len(embeddings), embeddings.device)
    real = torch.ones(len(embeddings), 1, dtype=torch.bool, device=embeddings.device)
    latents = [extend(lm, state, embeddings, mask)[:, -1]]
    for _ in range(num_latents - 1):
        latents.append(extend(lm, state, bridge(latents[-1])[:, None], real)[:, 0])
    return torch.stack(latents, dim=1)
