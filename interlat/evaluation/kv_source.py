"""Keys and values as the message of an evaluation, with their controls. Knows nothing of rollouts."""

from collections.abc import Sequence
from typing import Literal

from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.kv_sender import SENDER, KVSender
from interlat.evaluation.message_source import SenderView, Timed, draws_of
from interlat.models.decoding import Sampling
from interlat.models.kv import permuted, zeroed


class KVSource:
    """What the reasoning agent holds of its prompt and its thoughts, or of its prompt and a plan that it writes.

    A game's message depends on its view and the seed alone, not on its batch or on what was played before.

    Args:
        sender: reads and thinks. For ``untrained`` it is given fresh weights, and for ``cross-task`` another game's view, before.
        control: what is done to each message.
        seed: of what the control draws, and of plans.
        plans: how plans are written in the place of latent steps; None thinks.
    """

    def __init__(
        self,
        sender: KVSender,
        control: Literal["zero", "permute"] | None = None,
        seed: int = 0,
        plans: Sampling | None = None,
    ) -> None:
        self.sender, self.control, self.seed, self.plans = sender, control, seed, plans

    def make(self, views: Sequence[SenderView]) -> Timed:
        """One message a game, made as one batch."""
        ledger = Ledger(SENDER, len(views), next(self.sender.lm.parameters()).device)
        generators = draws_of(views, self.seed, "plan")
        with ledger.timed():
            prompts = [self.sender.prompt_ids(view.opening, view.house) for view in views]
            ledger.prefill_positions = [len(prompt) for prompt in prompts]
            if self.plans is None:
                messages = self.sender.think(prompts)
                ledger.latent_steps = self.sender.steps
            else:
                written = self.sender.write(prompts, self.plans, generators)
                messages = [plan.message for plan in written]
                ledger.output_tokens = [plan.num_tokens for plan in written]
        accounts = ledger.accounts()
        match self.control:
            case "zero":
                messages = [zeroed(message) for message in messages]
            case "permute":
                messages = [permuted(self.sender.lm, *each) for each in zip(messages, generators, strict=True)]
        return Timed(list(messages), accounts[0].seconds, accounts)
