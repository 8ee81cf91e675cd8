"""What methods cost, from what each agent spent. Pure functions of the records; knows no table and no file."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import fmean
from typing import Any

from interlat.evaluation.episodes import EpisodeRecord


@dataclass(frozen=True)
class Cost:
    """Means a question, of one agent or of all together.

    Args:
        output_tokens: tokens written.
        latent_steps: forwards of one entry without words.
        prefill_positions: entries read at once.
        kv_bytes: bytes of keys and values taken over from others.
        seconds: wall time, a batch's shared out evenly.
    """

    output_tokens: float
    latent_steps: float
    prefill_positions: float
    kv_bytes: float
    seconds: float


def cost_by_agent(records: Sequence[EpisodeRecord]) -> dict[str, Cost]:
    """Means of each agent, agents in order.

    Args:
        records: of one condition, at least one; each with accounts of the same agents.
    """
    names = [str(account["agent"]) for account in records[0].accounts]
    columns = zip(*(record.accounts for record in records), strict=True)
    return {name: _mean(column) for name, column in zip(names, columns, strict=True)}


def cost(records: Sequence[EpisodeRecord]) -> Cost:
    """Means of all agents together."""
    by_agent = cost_by_agent(records).values()
    return Cost(**{each.name: sum(getattr(of, each.name) for of in by_agent) for each in fields(Cost)})


def _mean(accounts: Sequence[Any]) -> Cost:
    return Cost(**{each.name: fmean(float(account[each.name]) for account in accounts) for each in fields(Cost)})
