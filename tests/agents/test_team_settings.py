"""Who hears whom: every team that cannot speak in turn is refused by name."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.agents.team_settings import Member, TeamSettings, team_settings
from interlat.errors import InvalidSetting
from interlat.models import Lora


def _member(name: str, *hears: str, **settings: Any) -> Member:
    return Member(name, "planner", hears, **settings)


def _team(*members: Member, actor_hears: tuple[str, ...] = ("c",), **settings: Any) -> TeamSettings:
    return TeamSettings(members, actor_hears, "base", **settings)


@pytest.mark.parametrize(
    ("members", "actor_hears", "text"),
    [
        (
            [_member("a", "x"), _member("c", "a")],
            ("c",),
            r"'a' hears 'x', but the members are a, c; correct the name",
        ),
        ([_member("c")], ("critic",), r"'actor' hears 'critic', but the members are c"),
        ([_member("a", "c"), _member("c", "a")], ("c",), r"in a circle: (a hears c hears a|c hears a hears c);"),
        ([_member("c", "c")], ("c",), r"in a circle: c hears c; a member can only hear those who spoke before it"),
        (
            [_member("a", "d"), _member("b", "a"), _member("d", "b"), _member("c", "a")],
            ("c",),
            r"in a circle: \w hears \w hears \w hears \w;",
        ),
        ([_member("a"), _member("c")], ("c",), r"nothing that a says ever reaches the actor, .* let someone hear it"),
        ([_member("a"), _member("b", "a"), _member("c")], ("c",), r"nothing that a, b says ever reaches the actor"),
        ([_member("c"), _member("c")], ("c",), r"wanted each member once, got c more than once"),
        ([_member("a"), _member("c", "a", "a")], ("c",), r"'c' hears a member twice: a, a"),
        ([_member("c")], (), r"the actor hears nobody; name those it hears in actor_hears"),
        ([], ("c",), r"'actor' hears 'c', but the members are ;"),
    ],
)
def test_a_team_that_cannot_speak_in_turn_is_refused(members: list[Member], actor_hears: tuple[str, ...], text: str):
    with pytest.raises(InvalidSetting, match=text):
        _team(*members, actor_hears=actor_hears)


@given(st.data())
def test_everyone_has_heard_before_they_speak(data: st.DataObject):
    """Any graph without circles, its members listed in any order."""
    size = data.draw(st.integers(1, 6))
    names = [f"m{number}" for number in range(size)]
    hears = {
        name: data.draw(st.lists(st.sampled_from(names[:i]), unique=True)) if i else [] for i, name in enumerate(names)
    }
    members = [_member(name, *hears[name]) for name in data.draw(st.permutations(names))]
    settings = _team(*members, actor_hears=tuple(names))
    spoken: list[str] = []
    for member in settings.order:
        assert set(member.hears) <= set(spoken)
        spoken.append(member.name)
    assert sorted(spoken) == names


def test_the_order_listed_is_kept_where_it_can_be():
    chain = _team(_member("c", "a", "b"), _member("b"), _member("a"))
    assert [member.name for member in chain.order] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("written", "part"), [("none", None), ("all", (0, 1)), ("1/2", (0, 2)), ("2/2", (1, 2)), ("3/10", (2, 10))]
)
def test_a_part_of_the_house_is_counted_from_one(written: str, part: tuple[int, int] | None):
    assert _member("a", house=written).house_part == part


@pytest.mark.parametrize("written", ["0/2", "3/2", "half", "1/0", "", "1 / 2"])
def test_any_other_part_is_refused(written: str):
    with pytest.raises(InvalidSetting, match=r"member 'a' reads of the house 'none', 'all' or a part like '1/2', got"):
        _member("a", house=written)


@pytest.mark.parametrize("name", ["actor", "Explorer", "2nd", "a.b", "", "shared", "items"])
def test_names_that_could_not_be_told_apart_are_refused(name: str):
    with pytest.raises(InvalidSetting, match="a member is named in lower case letters, digits and _, and not 'actor'"):
        _member(name)


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"num_latents": 0}, "member 'a' must say at least 1 latent, got 0"), ({"task": False}, "reads neither task nor")],
)
def test_a_member_that_reads_or_says_nothing_is_refused(settings: dict[str, Any], text: str):
    with pytest.raises(InvalidSetting, match=text):
        _member("a", **settings)


def test_settings_that_contradict_are_refused():
    with pytest.raises(InvalidSetting, match="weights: frozen trains no language model, so lora has no place"):
        _team(_member("c"), weights="frozen", lora=Lora())
    with pytest.raises(InvalidSetting, match="weights: shared is one model for all members, but some name a backbone"):
        _team(_member("c", backbone="other"), weights="shared")


def test_models_are_one_a_member_or_one_for_all():
    team = (_member("a"), _member("c", "a"))
    for weights, names in (("own", ["a", "c"]), ("shared", ["shared"] * 2), ("frozen", ["shared"] * 2)):
        settings = _team(*team, weights=weights)
        assert [settings.model_of(member) for member in settings.members] == names


def test_settings_come_back_from_a_stage_file():
    settings = _team(_member("a", house="1/2"), _member("c", "a", num_latents=3), lora=Lora(rank=2), start="fitted")
    assert team_settings(json.loads(json.dumps(asdict(settings)))) == settings
