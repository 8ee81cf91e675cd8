"""What one agent spent on one answer; knows no model and no clock, and starts without torch."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AgentAccount:
    """What one agent spent on one question.

    Args:
        agent: who.
        output_tokens: tokens written, the end mark not counted.
        latent_steps: single-entry forwards without words.
        prefill_positions: entries read at once: prompts, and what a model of another kind had to read again. Pads do not count.
        kv_bytes: keys and values taken over from others, after what `Keep` left out; 0 for what was read again.
        seconds: wall time of the batch, shared out evenly among its questions.
    """

    agent: str
    output_tokens: int = 0
    latent_steps: int = 0
    prefill_positions: int = 0
    kv_bytes: int = 0
    seconds: float = 0.0


def total(accounts: Sequence[AgentAccount]) -> AgentAccount:
    """The sum over agents, under the name ``total``."""
    return AgentAccount(
        "total",
        sum(account.output_tokens for account in accounts),
        sum(account.latent_steps for account in accounts),
        sum(account.prefill_positions for account in accounts),
        sum(account.kv_bytes for account in accounts),
        sum(account.seconds for account in accounts),
    )
