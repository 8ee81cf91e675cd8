"""What an answer cost, agent by agent; knows nothing of how it was made."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch


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


class Ledger:
    """Counts what one agent spends on a batch while it works.

    Args:
        agent: who.
        rows: questions in the batch.
        device: whose work is waited for before the clock is read.
    """

    def __init__(self, agent: str, rows: int, device: torch.device) -> None:
        self.agent, self.device = agent, device
        self.output_tokens, self.prefill_positions, self.kv_bytes = [0] * rows, [0] * rows, [0] * rows
        self.latent_steps, self.seconds = 0, 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the wall time while this is open."""
        start = self._now()
        yield
        self.seconds += self._now() - start

    def accounts(self) -> list[AgentAccount]:
        """One account a row."""
        share = self.seconds / len(self.output_tokens)
        columns = zip(self.output_tokens, self.prefill_positions, self.kv_bytes, strict=True)
        return [
            AgentAccount(self.agent, tokens, self.latent_steps, positions, size, share)
            for tokens, positions, size in columns
        ]

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()
