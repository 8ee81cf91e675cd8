"""Where the messages of an evaluation come from: the sender, the compressor, another task, or nowhere.

Every baseline and control is a message here; the actor never knows which. Knows nothing of rollouts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from interlat.agents.account import AgentAccount
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.compressor import Compressor
from interlat.agents.sender import ReasoningAgent
from interlat.controls import truncate
from interlat.errors import InvalidSetting
from interlat.messages import LatentMessage, Message, Silence, TextMessage
from interlat.models.decoding import keyed_generators

Control = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class SenderView:
    """What the sender sees of one game.

    Args:
        opening: the first observation.
        house: where things are, in ``view: house``.
        game_id: the game's name, by which its draws are told from those of another that looks the same; the sender never sees it.
    """

    opening: str
    house: str | None
    game_id: str = ""


def draws_of(views: Sequence[SenderView], seed: int, purpose: str) -> list[torch.Generator]:
    """One generator a game: what is drawn for it depends on no other game, on no batch, and not on what was played before."""
    return keyed_generators([f"{purpose} {seed} {view.game_id} {view.opening} {view.house}" for view in views])


@dataclass(frozen=True)
class Timed:
    """Messages, and what it took to make them.

    Args:
        messages: one a game.
        seconds: for each of them; a batch's time shared equally.
        accounts: what the sender of each spent; empty where nobody kept count.
    """

    messages: list[Message]
    seconds: float
    accounts: list[AgentAccount] = field(default_factory=list)


@runtime_checkable
class MessageSource(Protocol):
    """Makes the messages of a batch of games."""

    def make(self, views: Sequence[SenderView]) -> Timed:
        """One message for each game of a batch."""


class SilentSource:
    """Sends nothing."""

    def make(self, views: Sequence[SenderView]) -> Timed:
        """Silence for every game, at no cost."""
        return Timed([Silence() for _ in views], 0.0)


class SenderSource:
    """Plans of the reasoning agent, as latents or as text.

    Args:
        sender: writes the plans.
        kind: what of them is sent.
        keep: latents kept from the start of each message, or the share of them that is kept; None keeps all.
        written: plans given to the sender instead of letting it write, by opening; None lets it write.
        seed: of the sampling.
    """

    def __init__(
        self,
        sender: ReasoningAgent,
        kind: Literal["latent", "text"],
        keep: int | float | None = None,
        written: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        self.sender, self.kind, self.keep, self.written, self.seed = sender, kind, keep, written, seed

    def draws(self, views: Sequence[SenderView]) -> list[torch.Generator]:
        """What the plans of these games are drawn from."""
        return draws_of(views, self.seed, "plan")

    def make(self, views: Sequence[SenderView]) -> Timed:
        """One plan a game, made as one batch."""
        ledger = Ledger("sender", len(views), self.sender.lm.device)
        with ledger.timed():
            prompts = [self.sender.prompt_ids(view.opening, view.house) for view in views]
            ledger.prefill_positions = [len(prompt) for prompt in prompts]
            if self.written is None:
                plans = self.sender.write(prompts, self.draws(views))
                ledger.output_tokens = [len(plan.ids) for plan in plans]
            else:
                plans = self.sender.read(prompts, [self.sender.encode(self.written[view.opening]) for view in views])
                ledger.prefill_positions = [
                    len(prompt) + len(plan.ids) for prompt, plan in zip(prompts, plans, strict=True)
                ]
        accounts = ledger.accounts()
        seconds = accounts[0].seconds
        if self.kind == "text":
            return Timed([TextMessage(plan.text) for plan in plans], seconds, accounts)
        latents = [plan.latents if self.keep is None else truncate(plan.latents, self.keep) for plan in plans]
        # A plan that ended at once holds no latent: nothing was said.
        return Timed([LatentMessage(rows) if len(rows) else Silence() for rows in latents], seconds, accounts)


class CompressorSource:
    """K latents from a trained compressor."""

    def __init__(self, compressor: Compressor) -> None:
        self.compressor = compressor

    @torch.no_grad()
    def make(self, views: Sequence[SenderView]) -> Timed:
        """K latents a game, unrolled as one batch."""
        ledger = Ledger("sender", len(views), next(self.compressor.parameters()).device)
        with ledger.timed():
            prompts = [self.compressor.prompt_ids(view.opening, view.house) for view in views]
            latents = self.compressor(prompts)
        ledger.prefill_positions = [len(prompt) for prompt in prompts]
        ledger.latent_steps = self.compressor.num_latents - 1  # the first latent is the state behind the prompt
        accounts = ledger.accounts()
        return Timed([LatentMessage(rows) for rows in latents], accounts[0].seconds, accounts)


class CrossTaskSource:
    """Every game gets the message of another game of the evaluation.

    Args:
        source: makes the messages.
        others: for each opening, what the sender sees of the game whose message is sent instead.
    """

    def __init__(self, source: MessageSource, others: Mapping[str, SenderView]) -> None:
        self.source, self.others = source, others

    def make(self, views: Sequence[SenderView]) -> Timed:
        """The other games' messages."""
        return self.source.make([self.others[view.opening] for view in views])


class ControlledSource:
    """Messages that a control changes on their way.

    Args:
        source: makes the messages.
        control: what is done to the latents of each.
        seed: of the control's randomness.
    """

    def __init__(self, source: MessageSource, control: Control, seed: int) -> None:
        self.source, self.control, self.seed = source, control, seed

    def make(self, views: Sequence[SenderView]) -> Timed:
        """The source's messages, changed.

        Raises:
            InvalidSetting: if a message is not latent.
        """
        made = self.source.make(views)
        draws = draws_of(views, self.seed, "control")
        changed = [self._changed(*each) for each in zip(made.messages, draws, strict=True)]
        return Timed(changed, made.seconds, made.accounts)

    def _changed(self, message: Message, draws: torch.Generator) -> Message:
        if not isinstance(message, LatentMessage):
            raise InvalidSetting(
                f"this control changes latents, but the message is {type(message).__name__}; use --message latent"
            )
        return LatentMessage(self.control(message.latents.cpu(), draws))


def derangement(openings: Sequence[str], seed: int) -> dict[str, int]:
    """For every opening, the number of another game with another opening, drawn by seed.

    Raises:
        InvalidSetting: if there are not two different openings.
    """
    generator = torch.Generator().manual_seed(seed)
    partners = {}
    for opening in openings:
        others = [number for number, other in enumerate(openings) if other != opening]
        if not others:
            raise InvalidSetting(f"cross-task needs at least two different games, got {len(openings)}; raise --games")
        partners[opening] = others[int(torch.randint(len(others), (1,), generator=generator))]
    return partners
