"""Joint training of a team: gradient reaches every member, and what is frozen stays as it is."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny_teams
import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_agents import WrittenTasks, fit, prepared
from tiny_teams import CHAIN, TREE
from torch.nn import functional

from interlat.agents.run_folder import load_actor
from interlat.agents.team_folder import load_team
from interlat.agents.team_settings import Member
from interlat.data.keywords import Keywords
from interlat.data.negatives import mismatched_partners
from interlat.errors import CheckpointMismatch
from interlat.losses import js_divergence
from interlat.training.callbacks import export_run
from interlat.training.optimization import batch_generator
from interlat.training.team_stage import TeamStage, TeamWeights

kinds = pytest.mark.parametrize("members", [CHAIN, TREE], ids=["chain", "tree"])


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


def _names(stage: TeamStage) -> set[str]:
    return {name for name, _ in stage.named_parameters()}


@kinds
def test_gradient_reaches_every_member_and_the_actor(team_stage: Any, tasks: Any, members: tuple[Member, ...]):
    """Every parameter of every member; the three W_1 terms of a fusion only once W_2 has left 0, hence two steps."""
    stage, reached = team_stage(members), Reached()
    fit(stage, tasks(silence_share=0.25), 2, reached)
    assert reached.names == _names(stage)
    spoken = {name.split(".")[2] for name in reached.names if name.startswith(("team.lms", "team.speakers"))}
    assert spoken == {member.name for member in members}
    assert any(name.startswith("team.ears.fusion") for name in reached.names) is (members is TREE)


@pytest.mark.parametrize(
    ("team", "settings", "still"),
    [
        ({}, {"train_actor": False}, ("actor.",)),
        ({"weights": "frozen"}, {}, ("team.lms.",)),
        ({"weights": "shared"}, {}, ()),
    ],
    ids=["actor-frozen", "members-frozen", "shared"],
)
def test_what_is_frozen_is_to_the_bit_what_it_was(
    team_stage: Any, tasks: Any, stage_one: Path, team: Any, settings: Any, still: tuple[str, ...]
):
    stage, reached = team_stage(TREE, team, **settings), Reached()
    prepared(stage, tasks())
    before = {name: parameter.detach().clone() for name, parameter in stage.named_parameters()}
    fit(stage, tasks(), 2, reached)
    assert reached.names == {name for name in _names(stage) if not name.startswith(still or "nothing")}
    moved = {name for name, parameter in stage.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == reached.names
    assert stage.actor.training is stage.train_actor
    assert stage.train().team.lms.training is (stage.settings.weights != "frozen")


def _batch(data: WrittenTasks, stage: TeamStage) -> Any:
    loud, quiet = range(4), [len(data.train.guided)]
    return stage.collator()([data.train[i] for i in (*loud, *quiet)])


@kinds
def test_the_loss_row_by_row(team_stage: Any, tasks: Any, members: tuple[Member, ...]):
    """By the model's own forward over each row alone, the last in silence; and the divergence under another row's message."""
    data = tasks(silence_share=0.25)
    stage = prepared(team_stage(members, weights=TeamWeights(separation=0.5)), data).eval()
    batch, actor, logged = _batch(data, stage), stage.actor, {}
    for layer in actor.lm.model.layers:  # as drawn it hardly hears, and the divergence would be rounding
        layer.self_attn.q_proj.weight.data.mul_(8)
        layer.self_attn.o_proj.weight.data.mul_(8)
    stage.log = lambda name, value, **_: logged.update({name: float(value)})
    stage.log_dict = lambda values, **_: logged.update({name: float(value) for name, value in values.items()})
    losses, own, others = [], [], []
    with torch.no_grad():
        loss = stage.training_step(batch, 0)
        partners = mismatched_partners(
            [record.game_id for record in batch.records[:4]], batch_generator(stage.seed, stage.batch_number)
        )
        said = [actor.adapt(list(stage.team([record.opening], [record.house])))[0] for record in batch.records[:4]]
        for number, row in enumerate(batch.segments):
            bop, eop = (actor.embed(torch.tensor([i])) for i in actor.boundary)
            head, tail = actor.embed(torch.tensor(row.head)), actor.embed(torch.tensor(row.tail))
            learned = torch.tensor(row.supervised)

            def logits(middle: list[torch.Tensor], around: Any = (head, tail, learned)) -> torch.Tensor:
                rows = actor.lm(inputs_embeds=torch.cat([around[0], *middle, around[1]])[None]).logits[0]
                return rows[-len(around[1]) - 1 : -1][around[2]]

            got = logits([bop, said[number], eop] if number < 4 else [])
            losses.append(functional.cross_entropy(got, torch.tensor(row.tail)[learned], reduction="none"))
            if number < 4:
                own.append(got)
                others.append(logits([bop, said[partners[number]], eop]))
    task, js = torch.cat(losses).mean(), js_divergence(torch.cat(own), torch.cat(others)).mean()
    assert logged["train/loss_task"] == pytest.approx(float(task), rel=1e-4)
    assert logged["train/loss_separation"] == pytest.approx(-float(js), rel=1e-3)
    assert float(loss) == pytest.approx(float(task - 0.5 * js), rel=1e-4)


def test_the_keyword_term_asks_every_member_s_latent_k_for_keyword_k(team_stage: Any, tasks: Any):
    """By hand, row by row, of plans cut so that some have fewer tokens than a member has latents (3 and 2)."""
    data = tasks()
    stage = prepared(team_stage(TREE, weights=TeamWeights(keyword=1.0)), data).eval()
    batch = stage.collator()([data.train[i] for i in range(4)])
    generator = torch.Generator().manual_seed(0)
    plans = [torch.randint(6, 200, (length,), generator=generator) for length in (1, 5, 3, 9)]
    stage.keywords = Keywords(plans)
    means = []
    with torch.no_grad():
        said = stage._say(batch)
        for member in TREE:
            losses = []
            for row, plan in enumerate(plans):
                wanted = plan[stage.keywords.positions(plan, member.num_latents)].tolist()
                assert len(wanted) == min(member.num_latents, len(plan))
                log_p = stage.team.lms[member.name].lm_head(said[member.name][row]).log_softmax(-1)
                losses += [-log_p[k, token] for k, token in enumerate(wanted)]
            means.append(torch.stack(losses).mean())
        got = stage._keyword_loss(said, plans)
    torch.testing.assert_close(got, torch.stack(means).mean(), rtol=1e-4, atol=1e-5)


def test_the_weights_set_are_the_weights_used(team_stage: Any, tasks: Any):
    logged: list[dict[str, float]] = []

    class Logged(Callback):
        def on_train_batch_end(self, trainer: Any, *_: object) -> None:
            logged.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    fit(team_stage(weights=TeamWeights(0.5, 0.25)), tasks(), 2, Logged())
    for row in logged:
        total = row["train/loss_task"] + 0.5 * row["train/loss_separation"] + 0.25 * row["train/loss_keyword"]
        assert row["train/loss"] == pytest.approx(total, rel=1e-5)
        assert row["train/loss_keyword"] > 1


@kinds
def test_validation_shows_what_each_member_is_worth(team_stage: Any, tasks: Any, members: tuple[Member, ...]):
    stage = team_stage(members)
    data = tasks(silence_share=0.25)
    prepared(stage, data)
    seen: dict[str, float] = {}

    class Seen(Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            seen.update({name: float(value) for name, value in trainer.callback_metrics.items() if "val" in name})

    fit(stage, data, 1, Seen(), limit_val_batches=10, val_check_interval=1)
    dispensable = {"strategist"} if members is CHAIN else {"explorer", "critic"}
    names = {"loss", "loss_mismatched", "js", "loss_silent", *(f"loss_without_{name}" for name in dispensable)}
    assert set(seen) == {f"val/{name}" for name in names}
    assert len(set(seen.values())) == len(seen)


class KilledError(Exception):
    """What stops a run here."""


class KillBefore(Callback):
    """Stops a run between two steps."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: object, batch_idx: int) -> None:
        if trainer.global_step == 2:
            raise KilledError


@pytest.mark.parametrize("weights", ["own", "frozen"])
def test_a_resumed_run_is_the_unbroken_one_to_the_bit(team_stage: Any, tasks: Any, tmp_path: Path, weights: str):
    def make() -> TeamStage:
        return team_stage(TREE, {"weights": weights})

    def every_step() -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path, save_last=True, every_n_train_steps=1)

    whole = make()
    unbroken = fit(whole, tasks(silence_share=0.25), 4)
    with pytest.raises(KilledError):
        fit(make(), tasks(silence_share=0.25), 4, every_step(), KillBefore())
    again = make()
    assert fit(again, tasks(silence_share=0.25), 4, every_step(), ckpt_path="last") == unbroken[2:]
    assert len(set(unbroken)) == 4
    kept = dict(again.named_parameters())
    assert all(torch.equal(value, kept[name]) for name, value in whole.named_parameters())


@kinds
def test_its_run_folder_holds_team_and_actor(team_stage: Any, tasks: Any, tmp_path: Path, members: tuple[Member, ...]):
    stage = team_stage(members)
    fit(stage, tasks(), 1)
    export_run(stage, tmp_path / "run")
    stage.eval()
    records = tasks()
    records.setup("fit")
    given = [records.train.guided[0].opening], [records.train.guided[0].house]
    team, actor = load_team(tmp_path / "run"), load_actor(tmp_path / "run")
    with torch.no_grad():
        message = stage.team(*given)
        assert torch.equal(team(*given), message)
        assert torch.equal(actor.adapt(list(message))[0], stage.actor.adapt(list(message))[0])
    content = json.loads((tmp_path / "run" / "stage.json").read_text())
    assert (content["stage"], content["steps"], content["sender_dim"]) == ("team", 1, 32)
    assert set(content["roles"]) == {member.name for member in members}
    with pytest.raises(CheckpointMismatch, match=r"wanted a run of stage 'actor' .* but it is of stage 'team'"):
        team_stage(members, actor=str(tmp_path / "run"))
