"""A chain and a tree of tiny members, and a stage that trains one; beside `tiny_agents.py`, whose models and tasks they use."""

from pathlib import Path
from typing import Any

from interlat.agents.team_settings import Member, TeamSettings
from interlat.training.team_stage import TeamStage

CHAIN = (
    Member("strategist", "strategist", house="all", num_latents=3),
    Member("compiler", "compiler", ("strategist",), num_latents=2),
)
TREE = (
    Member("explorer", "explorer", house="1/2", num_latents=3),
    Member("critic", "critic", house="2/2", num_latents=2),
)
HEARD = {CHAIN: ("compiler",), TREE: ("explorer", "critic")}


def team_stage(
    home: Path, members: tuple[Member, ...] = CHAIN, team: dict[str, Any] | None = None, **settings: Any
) -> TeamStage:
    """A new stage over the models of a home folder, from its stage 1; settings of the team by name, the rest the stage's."""
    made = TeamSettings(members, HEARD[members], **{"backbone": str(home / "sender"), **(team or {})})
    return TeamStage(made, **{"actor": str(home / "stage1"), **settings})
