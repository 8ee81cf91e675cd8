"""What a team says, against computations without cache, batch or team; and that it depends on everything each member reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_models import foreign_tokenizer, save_foreign
from tiny_agents import save_tiny_lm, task_records
from torch import Tensor

from interlat.agents.compressor import Compressor
from interlat.agents.team import Team
from interlat.agents.team_prompts import house_part, member_text
from interlat.agents.team_settings import Member, TeamSettings
from interlat.errors import InvalidMessage
from interlat.models import Lora, boundary_ids
from interlat.models.backbone import embed_tokens, last_layer_states
from interlat.models.chat import encode

RECORDS = task_records(4)
OPENINGS, HOUSES = [record.opening for record in RECORDS], [record.house for record in RECORDS]
CHAIN = (
    Member("first", "strategist", house="all", num_latents=3),
    Member("last", "compiler", ("first",), num_latents=2),
)
TREE = (
    Member("left", "explorer", house="1/2", num_latents=3),
    Member("right", "critic", house="2/2", num_latents=2),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_lm(tmp_path_factory.mktemp("base") / "lm")


@pytest.fixture(scope="module")
def team(base: Path) -> Callable[..., Team]:
    """A team in double precision; every weight beside the models drawn anew, so that nothing is 0 by its start."""

    def make(members: tuple[Member, ...], *actor_hears: str, actor_dim: int = 32, **settings: Any) -> Team:
        torch.manual_seed(0)
        made = Team.build(TeamSettings(members, actor_hears, str(base), **settings), actor_dim).double().eval()
        for part in (made.speakers, made.ears):
            for name, parameter in part.named_parameters():
                if "norm" not in name:
                    torch.nn.init.normal_(parameter, std=0.3)
        return made

    return make


def _alone(team: Team, member: Member, row: int, heard: Tensor | None) -> Tensor:
    """One row's latents by whole forwards over a sequence that grows, [K, D]; ``heard`` comes through the link already."""
    name = team.settings.model_of(member)
    lm, tokenizer, chat = team.lm_of(member), team.tokenizers[name], team.chats[name]
    text = member_text(member, team.roles, OPENINGS[row], HOUSES[row], heard is not None)
    bop, eop = (embed_tokens(lm, torch.tensor([number])) for number in boundary_ids(tokenizer))
    head = embed_tokens(lm, torch.tensor(encode(tokenizer, chat.opening + text)))
    tail = embed_tokens(lm, torch.tensor(encode(tokenizer, chat.user_end)))
    sequence = torch.cat([head, *([] if heard is None else [bop, heard, eop]), tail])[None]
    latents: list[Tensor] = []
    for _ in range(member.num_latents):
        states = last_layer_states(lm, sequence, torch.ones(sequence.shape[:2], dtype=torch.bool))
        latents.append(states[:, -1])
        sequence = torch.cat([sequence, team.speaker_of(member).bridge(latents[-1])[:, None]], dim=1)
    return torch.cat(latents)


@torch.no_grad()
def test_a_chain_by_whole_forwards(team: Any):
    chain = team(CHAIN, "last")
    first, last = chain.settings.members
    got = chain(OPENINGS, HOUSES)
    assert got.shape == (4, 2, 32)
    for row in range(4):
        said = _alone(chain, first, row, None)
        heard = chain.speaker_of(last).link(said[None], torch.ones(1, 3, dtype=torch.bool))[0]
        torch.testing.assert_close(got[row], _alone(chain, last, row, heard))


@torch.no_grad()
def test_a_tree_by_whole_forwards(team: Any):
    tree = team(TREE, "right", "left")
    left, right = tree.settings.members
    got = tree(OPENINGS, HOUSES)
    for row in range(4):
        said = {"left": _alone(tree, left, row, None)[None], "right": _alone(tree, right, row, None)[None]}
        wanted = tree.ears.fusion(said)[0]
        torch.testing.assert_close(got[row], wanted)
        assert len(wanted) == 5
        torch.testing.assert_close(wanted[:2], tree.ears.fusion({"right": said["right"]})[0])  # in the actor's order


@torch.no_grad()
def test_a_member_that_hears_two_reads_them_as_one_message(team: Any):
    """Through its own fusion and then its link; and the actor hears an earlier member beside it."""
    members = (*TREE, Member("last", "compiler", ("left", "right"), num_latents=2))
    both = team(members, "last", "left")
    got = both(OPENINGS, HOUSES)
    left, right, last = both.settings.members
    said = {"left": _alone(both, left, 0, None)[None], "right": _alone(both, right, 0, None)[None]}
    speaker = both.speaker_of(last)
    heard = speaker.link(speaker.ears.fusion(said), torch.ones(1, 5, dtype=torch.bool))[0]
    wanted = both.ears.fusion({"last": _alone(both, last, 0, heard)[None], "left": said["left"]})[0]
    torch.testing.assert_close(got[0], wanted)


@torch.no_grad()
def test_a_team_of_one_planner_is_a_compressor(team: Any):
    """The same prompt, unroll and bridge as stage 2's; the actor hears it without a fusion."""
    one = team((Member("only", "planner", house="all", num_latents=4),), "only")
    compressor = Compressor(one.lms["only"], one.tokenizers["only"], 4).double().eval()
    compressor.bridge = one.speakers["only"].bridge
    prompts = [compressor.prompt_ids(*given) for given in zip(OPENINGS, HOUSES, strict=True)]
    torch.testing.assert_close(one(OPENINGS, HOUSES), compressor(prompts))


@torch.no_grad()
@pytest.mark.parametrize(("members", "hears"), [(CHAIN, ["last"]), (TREE, ["left", "right"])], ids=["chain", "tree"])
def test_a_batch_is_its_rows_one_by_one_whatever_they_are_padded_to(team: Any, members: Any, hears: list[str]):
    made = team(members, *hears)
    together = made(OPENINGS, HOUSES)
    longest = "You are in a room with a very long list of places. " * 5
    for row in range(4):
        torch.testing.assert_close(made(OPENINGS[row : row + 1], HOUSES[row : row + 1])[0], together[row])
        padded = made([OPENINGS[row], longest], [HOUSES[row], HOUSES[0] * 3])
        torch.testing.assert_close(padded[0], together[row])


@torch.no_grad()
def test_what_only_one_member_reads_reaches_the_actor(team: Any):
    """The chain's house is the strategist's alone; the tree's halves are one member's each."""
    changed = [house.replace("mug", "plate").replace("vase", "pen") for house in HOUSES]
    chain = team(CHAIN, "last")
    assert (chain(OPENINGS, HOUSES) - chain(OPENINGS, changed)).abs().amax(dim=(1, 2)).min() > 1e-4
    tree = team(TREE, "left", "right")
    # Another vase on the desk, in a house dealt out alike: it moves the latents of who reads of the desk only.
    house, other = (f"There is a mug 1 in cabinet 1.\nThere is a vase {number} on desk 2." for number in (1, 4))
    assert "desk 2" in house_part(house, 1, 2)
    assert "desk 2" in house_part(other, 1, 2)
    before, after = (tree(OPENINGS[:1], [text])[0] for text in (house, other))
    assert torch.equal(before[:3], after[:3])
    assert (before[3:] - after[3:]).abs().max() > 1e-3


def test_the_message_s_gradient_by_finite_differences(team: Any):
    """Of the first member's bridge along a random direction, through the last member's link, prompt and unrolled latents.

    The step is large for double precision because Llama's norms and rotations are computed in single.
    """
    chain = team(CHAIN, "last")
    weight, wanted = chain.speakers["first"].bridge.linear.weight, torch.randn(4, 2, 32, dtype=torch.float64)
    direction, step = torch.randn_like(weight), 1e-3
    (chain(OPENINGS, HOUSES) * wanted).sum().backward()
    sums = []
    for sign in (1, -2):
        with torch.no_grad():
            weight += sign * step * direction
            sums.append(float((chain(OPENINGS, HOUSES) * wanted).sum()))
    slope = float((weight.grad * direction).sum())
    assert abs(slope) > 0.1
    assert slope == pytest.approx((sums[0] - sums[1]) / (2 * step), rel=5e-3)


@torch.no_grad()
def test_who_is_left_out_stays_silent(team: Any):
    tree = team(TREE, "left", "right")
    left = {"left": tree(OPENINGS, HOUSES)[:, :3]}
    torch.testing.assert_close(tree(OPENINGS, HOUSES, left_out=["right"]), left["left"])
    chain = team(CHAIN, "last")
    alone = chain(OPENINGS, HOUSES, left_out=("first",))
    torch.testing.assert_close(alone[1], _alone(chain, CHAIN[1], 1, None))
    with pytest.raises(InvalidMessage, match="the actor hears last, but all are left out; send Silence instead"):
        chain(OPENINGS, HOUSES, left_out=("last",))


@torch.no_grad()
@pytest.mark.parametrize(("keep", "kept"), [(1, (1, 1)), (2, (2, 2)), (9, (3, 2)), (0.5, (1, 1)), (1.0, (3, 2))])
def test_a_shorter_message_has_the_first_latents_of_each_whom_the_actor_hears(team: Any, keep: Any, kept: Any):
    tree = team(TREE, "left", "right")
    full, short = tree(OPENINGS, HOUSES), tree(OPENINGS, HOUSES, keep)
    torch.testing.assert_close(short, torch.cat([full[:, : kept[0]], full[:, 3 : 3 + kept[1]]], dim=1))
    chain = team(CHAIN, "last")
    torch.testing.assert_close(chain(OPENINGS, HOUSES, 1), chain(OPENINGS, HOUSES)[:, :1])  # the strategist says all 3


def test_members_of_another_family_and_width(team: Any, tmp_path: Path):
    """A foreign model of width 32 in a team of width 48, before an actor that reads 24."""
    wide, foreign = save_tiny_lm(tmp_path / "wide", hidden_size=48), save_foreign(tmp_path / "foreign")
    members = (
        Member("first", "strategist", house="all", num_latents=3, backbone=str(foreign)),
        Member("second", "critic", ("first",), num_latents=2),
    )
    settings = TeamSettings(members, ("second", "first"), str(wide))
    made = Team.build(settings, 24)
    assert made.speakers["second"].link.sender_dim == 32
    message = made(OPENINGS, HOUSES)
    assert message.shape == (4, 5, 24)
    message.pow(2).sum().backward()
    assert all(parameter.grad is not None for lm in made.lms.values() for parameter in lm.model.layers.parameters())
    sole = Team.build(TeamSettings(members, ("second",), str(wide)), 24)  # another width alone needs a map too
    assert sole(OPENINGS, HOUSES).shape == (4, 2, 24)
    assert sole.tokenizers["first"].get_vocab().keys() >= foreign_tokenizer().get_vocab().keys()


def _trained(made: Team) -> set[str]:
    return {
        name.split(".")[1] for name, parameter in made.lms.named_parameters(prefix="lms") if parameter.requires_grad
    }


def test_models_are_own_shared_or_frozen(team: Any):
    own, shared, frozen = (team(CHAIN, "last", weights=weights) for weights in ("own", "shared", "frozen"))
    assert set(own.lms) == _trained(own) == {"first", "last"}
    assert own.lm_of(CHAIN[0]) is not own.lm_of(CHAIN[1])
    assert set(shared.lms) == _trained(shared) == {"shared"}
    assert shared.lm_of(CHAIN[0]) is shared.lm_of(CHAIN[1])
    assert set(frozen.lms) == {"shared"}
    assert _trained(frozen) == set()
    assert all(parameter.requires_grad for parameter in frozen.speakers.parameters())
    frozen(OPENINGS, HOUSES).sum().backward()  # through the frozen model to the first member's bridge
    assert frozen.speakers["first"].bridge.linear.weight.grad.abs().max() > 0


def test_lora_trains_adaptations_only(team: Any):
    made = team(CHAIN, "last", lora=Lora(rank=2))
    trained = {name for name, parameter in made.lms.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("lora_" in name or "trainable_tokens" in name for name in trained)
