"""Where a team's training starts: which actor, which maps, at which rate; and what is refused before it."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny_teams
import torch
from lightning import Callback
from tiny_agents import WrittenTasks, fit, prepared, save_tiny_lm
from tiny_teams import CHAIN, TREE

from interlat.agents.actor import ActorSettings
from interlat.agents.run_folder import load_actor
from interlat.errors import InvalidSetting, LatentStoreMismatch
from interlat.models import Lora
from interlat.models.backbone import embed_tokens
from interlat.training.callbacks import export_run
from interlat.training.team_stage import TeamWeights


@pytest.fixture(scope="session")
def team_stage(home: Path, stage_one: Path) -> Any:
    """A new stage; stage 1 has run."""
    return partial(tiny_teams.team_stage, home)


class Reached(Callback):
    """The names of parameters that some step's gradient reached."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        named = pl_module.named_parameters()
        self.names |= {name for name, value in named if value.grad is not None and bool(value.grad.any())}


def test_an_actor_s_lora_learns_on(team_stage: Any, tasks: Any, actor_stage: Any, tmp_path: Path):
    """Loading freezes it: a stage that forgot would train the adapter alone."""
    one = actor_stage({"lora": Lora(rank=2)})
    fit(one, tasks(), 1)
    export_run(one, tmp_path / "one")
    stage, reached = team_stage(actor=str(tmp_path / "one"), team={"lora": Lora(rank=2)}), Reached()
    fit(stage, tasks(), 2, reached)
    wanted = {name.removeprefix("actor.") for name, p in one.named_parameters() if p.requires_grad}
    assert {name.removeprefix("actor.") for name in reached.names if name.startswith("actor.")} == wanted
    members = {name for name in reached.names if name.startswith("team.lms.")}
    assert members
    assert all("lora_" in name or "trainable_tokens" in name for name in members)


def test_the_actor_may_be_new(team_stage: Any, tasks: Any, home: Path, tmp_path: Path):
    """Then its adapter is as wide as the message the settings ask for."""
    stage = team_stage(TREE, actor=ActorSettings(str(home / "actor"), sender_dim=24, adapter_heads=4))
    fit(stage, tasks(), 1)
    export_run(stage, tmp_path / "run")
    assert stage.actor.adapter.sender_dim == stage.team.ears.fusion.dim == 24
    assert load_actor(tmp_path / "run").adapter.sender_dim == 24


def test_a_fitted_start_brings_states_near_the_tokens_they_predict(team_stage: Any, tasks: Any):
    """Of the plans' embeddings, the share of the variance that is left over; a link blurs what a bridge maps one by one."""
    left: dict[str, list[float]] = {}
    for start in ("random", "fitted"):
        data = tasks()
        stage = prepared(team_stage(CHAIN, {"start": start}), data).eval()
        compiler, plans = stage.team.speakers["compiler"], list(data.store)
        with torch.no_grad():
            wanted = embed_tokens(stage.team.lms["compiler"], torch.cat([plan.plan_ids for plan in plans]))
            linked = [compiler.link(p.latents[None], torch.ones(1, len(p.latents), dtype=torch.bool))[0] for p in plans]
            states = torch.cat([plan.latents for plan in plans])
            mapped = [compiler.bridge(states), stage.team.speakers["strategist"].bridge(states), torch.cat(linked)]
        left[start] = [float((each - wanted).pow(2).sum() / (wanted - wanted.mean(0)).pow(2).sum()) for each in mapped]
    assert max(left["fitted"][:2]) < 0.5 < min(left["random"][:2])
    assert left["fitted"][2] < 0.2 * left["random"][2]


def test_the_actor_s_learning_rate_may_be_its_own(team_stage: Any, tasks: Any):
    stage = team_stage(actor_lr_scale=0.25, schedule="constant", warmup_share=0.0)
    fit(stage, tasks(), 1)
    team, actor = (group["lr"] for group in stage.optimizers().param_groups)
    assert actor == pytest.approx(0.25 * team)


def test_keywords_need_plans_in_the_members_vocabulary(team_stage: Any, tasks: Any, tmp_path: Path):
    other = save_tiny_lm(tmp_path / "other", hidden_size=32, texts=("wholly different words bring other merges",) * 5)
    stage = team_stage(CHAIN, {"backbone": str(other)}, weights=TeamWeights(keyword=0.1))
    with pytest.raises(
        LatentStoreMismatch, match=r"weights\.keyword above 0 needs plans in the model's own vocabulary"
    ):
        prepared(stage, tasks())


def test_settings_that_cannot_be_trained_are_refused(team_stage: Any, tasks: Any, home: Path, tmp_path: Path):
    for name in ("separation", "keyword"):
        with pytest.raises(InvalidSetting, match=rf"weight '{name}' must be at least 0, got -1"):
            TeamWeights(**{name: -1.0})
    with pytest.raises(InvalidSetting, match=r"actor_lr_scale must be above 0, got 0.*train_actor: false"):
        team_stage(actor_lr_scale=0.0)
    with pytest.raises(
        InvalidSetting, match=r"explorer, critic read where things are, but the data's sender has view: task"
    ):
        prepared(team_stage(TREE), tasks(sender={"view": "task"}))
    save_tiny_lm(tmp_path / "other", seed=7)
    with pytest.raises(LatentStoreMismatch, match=r"wanted a latent store with sender='.*sender', weights="):
        prepared(team_stage(), WrittenTasks(tmp_path / "other", tmp_path / "cache"))
    with pytest.raises(InvalidSetting, match=r"fitted needs members of the sender's width 32, but 'strategist' has 48"):
        prepared(team_stage(CHAIN, {"start": "fitted", "backbone": str(home / "actor")}), tasks())
