"""A team that writes instead of saying latents: the text baseline of a team. Knows no environment and no Lightning."""

from collections.abc import Sequence

import torch

from interlat.agents.team import Team
from interlat.models.backbone import embed_tokens
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import encode
from interlat.models.decoding import Generators, Sampling, decode


@torch.no_grad()
def write_texts(
    team: Team,
    openings: Sequence[str],
    houses: Sequence[str | None],
    sampling: Sampling,
    generator: Generators | None = None,
) -> list[str]:
    """What the actor is given in words: every member reads what others wrote where it would read their latents.

    Args:
        team: whose language models write; bridges, links and fusions take no part.
        openings: the first observation with the task, of each row.
        houses: where things are, in words, or None where nobody is told.
        sampling: how texts are drawn.
        generator: draws them, one or one a row, of which all members draw; required unless the temperature is 0.

    Returns:
        For each row, the texts of the members that the actor hears, one a line; an empty one leaves no line.
    """
    written: dict[str, list[str]] = {}
    for member in team.settings.order:
        name, lm = team.settings.model_of(member), team.lm_of(member)
        tokenizer = team.tokenizers[name]
        messages = []
        for row in range(len(openings)) if member.hears else ():
            ids = encode(tokenizer, _joined([written[other][row] for other in member.hears]))
            messages.append(embed_tokens(lm, torch.tensor(ids, dtype=torch.long, device=team.device)))
        embeddings, mask = team.read(member, openings, houses, messages)
        state = KVState.empty(len(openings), team.device)
        latest = last_states(extend(lm, state, embeddings, mask), mask)
        end_id = encode(tokenizer, team.chats[name].assistant_end)[0]
        rows = decode(lm, state, latest, end_id, sampling, generator)
        written[member.name] = [str(tokenizer.decode(row.ids, skip_special_tokens=True)) for row in rows]
    return [_joined([written[name][row] for name in team.settings.actor_hears]) for row in range(len(openings))]


def _joined(texts: Sequence[str]) -> str:
    return "\n".join(text.strip() for text in texts if text.strip())
