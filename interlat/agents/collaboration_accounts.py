"""Counts what an answer costs, agent by agent, while it is made; knows nothing of how."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from interlat.agents.account import AgentAccount


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
