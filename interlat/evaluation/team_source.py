"""Messages of a trained team, in latents or, as its baseline, in text. Knows nothing of rollouts."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch

from interlat.agents.team import Team
from interlat.agents.team_folder import load_team
from interlat.agents.team_settings import team_settings
from interlat.agents.team_text import write_texts
from interlat.evaluation.conditions import Condition
from interlat.evaluation.message_source import MessageSource, SenderView, Timed, draws_of
from interlat.messages import LatentMessage, Silence, TextMessage
from interlat.models.decoding import Sampling


class TeamSource:
    """What a team says to its actor, fused into one latent message, before the actor's adapter.

    Args:
        team: all members but the actor.
        keep: latents, or the share of them, that each member the actor hears says; None takes all it was trained to say.
        left_out: members that stay silent.
    """

    def __init__(self, team: Team, keep: int | float | None = None, left_out: Collection[str] = ()) -> None:
        self.team, self.keep, self.left_out = team, keep, left_out

    @torch.no_grad()
    def make(self, views: Sequence[SenderView]) -> Timed:
        """One message a game, unrolled as one batch; the seconds are those of all members, one after another."""
        start = time.perf_counter()
        latents = self.team([view.opening for view in views], [view.house for view in views], self.keep, self.left_out)
        return Timed([LatentMessage(rows) for rows in latents], (time.perf_counter() - start) / len(views))


class TeamTextSource:
    """The same team as it was before it was trained, writing where it would say latents.

    As with a single sender, whose text is that of the untrained model: training for latents is no training to write.

    Args:
        team: with the backbones' own weights.
        sampling: how texts are drawn.
        seed: of the sampling.
    """

    def __init__(self, team: Team, sampling: Sampling, seed: int = 0) -> None:
        self.team, self.sampling, self.seed = team, sampling, seed

    def make(self, views: Sequence[SenderView]) -> Timed:
        """One text a game; silence where nobody the actor hears wrote anything."""
        start = time.perf_counter()
        openings, houses = [view.opening for view in views], [view.house for view in views]
        texts = write_texts(self.team, openings, houses, self.sampling, draws_of(views, self.seed, "plan"))
        seconds = (time.perf_counter() - start) / len(views)
        return Timed([TextMessage(text) if text else Silence() for text in texts], seconds)


def load_team_source(
    checkpoint: Path, stage: dict[str, Any], condition: Condition, seed: int, dtype: str | None
) -> MessageSource:
    """The source of a team's run folder for a condition that is not silence.

    Args:
        checkpoint: the folder.
        stage: what its stage.json holds.
        condition: latent, with a length or without, or text.
        seed: of texts.
        dtype: of latent members; None takes the one they were trained in. Those that write keep theirs.

    Raises:
        CheckpointMismatch: if the folder is incomplete.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if condition.message == "text":
        team = Team.build(team_settings(stage["team"]), stage["sender_dim"], stage["roles"]).eval().to(device)
        return TeamTextSource(team, Sampling(**stage["sender"]["sampling"]), seed)
    return TeamSource(load_team(checkpoint, dtype).to(device), condition.length)
