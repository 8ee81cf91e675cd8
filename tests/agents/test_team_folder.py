"""A team that is saved comes back and says the same; what is not whole is refused by name."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_agents import save_tiny_lm, task_records

from interlat.agents.team import Team
from interlat.agents.team_folder import load_team, save_team
from interlat.agents.team_settings import Member, TeamSettings
from interlat.errors import CheckpointMismatch
from interlat.models import Lora

RECORDS = task_records(2)
TASKS = [record.opening for record in RECORDS], [record.house for record in RECORDS]
MEMBERS = (
    Member("left", "explorer", house="1/2", num_latents=2),
    Member("right", "critic", ("left",), house="2/2", num_latents=2),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_lm(tmp_path_factory.mktemp("base") / "lm")


def _saved(base: Path, folder: Path, **settings: Any) -> Team:
    made = TeamSettings(MEMBERS, ("left", "right"), str(base), **settings)
    team = Team.build(made, 32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in team.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).to(parameter))
    folder.mkdir(parents=True)
    save_team(team, folder)
    content = {"stage": "team", "team": asdict(made), "roles": team.roles, "sender_dim": 32}
    (folder / "stage.json").write_text(json.dumps(content))
    return team.eval()


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, {"left", "right"}),
        ({"weights": "shared"}, {"shared"}),
        ({"weights": "frozen"}, set()),
        ({"lora": Lora(rank=2, alpha=5.0)}, {"left", "right"}),
        ({"weights": "shared", "lora": Lora(rank=2), "dtype": "bfloat16"}, {"shared"}),
    ],
    ids=["own", "shared", "frozen", "lora", "shared-lora-bfloat16"],
)
@torch.no_grad()
def test_a_team_comes_back(base: Path, tmp_path: Path, settings: dict[str, Any], kept: set[str]):
    team = _saved(base, tmp_path / "run", **settings)
    loaded = load_team(tmp_path / "run")
    assert not any(module.training for module in loaded.modules())
    assert torch.equal(loaded(*TASKS), team(*TASKS))
    models = tmp_path / "run" / "team"
    assert {path.name for path in models.glob("*")} == kept
    assert not any(name.startswith("lms") for name in load_file(tmp_path / "run" / "team.safetensors"))
    untrained = Team.build(team.settings, 32).eval()
    assert not torch.allclose(untrained(*TASKS), team(*TASKS), atol=0.01)


@torch.no_grad()
def test_it_can_be_loaded_in_another_precision(base: Path, tmp_path: Path):
    team = _saved(base, tmp_path / "run")
    loaded = load_team(tmp_path / "run", "bfloat16")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.bfloat16}
    torch.testing.assert_close(loaded(*TASKS).float(), team(*TASKS), rtol=0.2, atol=0.2)


def test_its_roles_are_those_it_was_trained_with(base: Path, tmp_path: Path):
    """The text lies in the folder, so a role file may be changed or lost afterwards."""
    _saved(base, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "stage.json").read_text())
    content["roles"]["left"] = "Count the mugs."
    content["team"]["members"][0]["role"] = "lost.txt"
    (tmp_path / "run" / "stage.json").write_text(json.dumps(content))
    assert load_team(tmp_path / "run").roles["left"] == "Count the mugs."


def test_a_run_of_another_stage_is_refused(tmp_path: Path):
    (tmp_path / "stage.json").write_text(json.dumps({"stage": "actor"}))
    with pytest.raises(CheckpointMismatch, match=r"wanted a run of stage 'team' in .* but it is of stage 'actor'"):
        load_team(tmp_path)


@pytest.mark.parametrize(
    ("part", "text"), [("team/left", r"lacks 'left/'"), ("team.safetensors", r"team\.safetensors' does not hold")]
)
def test_a_folder_that_is_not_whole_is_refused(base: Path, tmp_path: Path, part: str, text: str):
    _saved(base, tmp_path / "run")
    (tmp_path / "run" / part).rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointMismatch, match=text):
        load_team(tmp_path / "run")
