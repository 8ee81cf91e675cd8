"""What members read, by hand; and that a house is dealt out whole."""

import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.agents.team_prompts import house_part, member_text, role_texts
from interlat.agents.team_settings import Member, TeamSettings
from interlat.errors import InvalidSetting

HOUSE = """There is a box 1 on armchair 2.
There is a mug 2 in cabinet 3.
There is a pen 1 in cabinet 3.
There is a vase 1 on desk 1.
There is a vase 2 in drawer 4."""


def test_receptacles_are_dealt_out_in_turn():
    """Sorted they are armchair 2, cabinet 3, desk 1, drawer 4: the first and third, the second and fourth.

    The text's CRC-32 is 2 modulo 4: with two parts the first part is dealt to first, with four the third.
    """
    assert zlib.crc32(HOUSE.encode()) % 4 == 2
    first, second = house_part(HOUSE, 0, 2), house_part(HOUSE, 1, 2)
    assert first == "There is a box 1 on armchair 2.\nThere is a vase 1 on desk 1."
    assert second == "There is a mug 2 in cabinet 3.\nThere is a pen 1 in cabinet 3.\nThere is a vase 2 in drawer 4."
    assert [house_part(HOUSE, part, 4).splitlines()[0] for part in (2, 3, 0, 1)] == [
        "There is a box 1 on armchair 2.",
        "There is a mug 2 in cabinet 3.",
        "There is a vase 1 on desk 1.",
        "There is a vase 2 in drawer 4.",
    ]
    assert house_part(HOUSE, 0, 1) == HOUSE


def test_no_part_has_the_first_receptacle_of_every_house():
    """Of 400 houses each of four parts has it in a hundred, give or take four standard deviations of 8.7."""
    houses = [HOUSE.replace("vase 1", f"vase {number}") for number in range(400)]
    for part in range(4):
        assert 65 < sum("armchair 2" in house_part(house, part, 4) for house in houses) < 135


PLACES = st.sampled_from(["cabinet 1", "cabinet 12", "desk 1", "toilet 1", "side table 3"])


@given(lines=st.lists(st.tuples(st.integers(1, 99), st.sampled_from(["in", "on"]), PLACES)), parts=st.integers(1, 5))
def test_every_line_is_in_one_part_and_lines_of_one_receptacle_stay_together(
    lines: list[tuple[int, str, str]], parts: int
):
    house = "\n".join(f"There is a pot {number} {joint} {place}." for number, joint, place in lines)
    dealt = [house_part(house, part, parts).splitlines() for part in range(parts)]
    assert sorted(line for part in dealt for line in part) == sorted(house.splitlines())
    places = [{re.sub(r".* (?:in|on) ", "", line) for line in part} for part in dealt]
    assert sum(map(len, places)) == len(set.union(*places))
    sizes = [len(part) for part in places]
    assert max(sizes) - min(sizes) <= 1


def test_a_line_that_names_no_receptacle_is_in_every_part():
    parts = [house_part(f"It is dark.\n{HOUSE}", part, 4) for part in range(4)]
    assert all(part.startswith("It is dark.\nThere is a") for part in parts)


ROLES = {"a": "Do it."}


@pytest.mark.parametrize(
    ("member", "hears", "text"),
    [
        (Member("a", "x"), False, "Do it.\n\nTASK"),
        (Member("a", "x", house="all"), False, f"Do it.\n\nTASK\n\nThis is where things are:\n{HOUSE}"),
        (Member("a", "x", hears=("b",), task=False), True, "Do it.\n\nThis is what you are told:\n"),
        (Member("a", "x", hears=("b",)), False, "Do it.\n\nTASK"),  # whom it would hear is left out
        (
            Member("a", "x", hears=("b",), house="2/4"),
            True,
            "Do it.\n\nTASK\n\nThis is where things are:\nThere is a vase 2 in drawer 4.\n\n"
            "This is what you are told:\n",
        ),
    ],
)
def test_a_prompt_by_hand(member: Member, hears: bool, text: str):
    assert member_text(member, ROLES, "TASK", HOUSE, hears) == text


def test_a_house_that_nobody_tells_of_is_missed():
    with pytest.raises(InvalidSetting, match=r"member 'a' reads 1/2 of the house, but nobody is told .* view: house"):
        member_text(Member("a", "x", house="1/2"), ROLES, "TASK", None, False)


def _roles(role: str) -> dict[str, str]:
    return role_texts(TeamSettings((Member("a", role),), ("a",), "base"))


def test_roles_come_with_the_library_or_out_of_a_file(tmp_path: Path):
    texts = [_roles(role)["a"] for role in ("strategist", "compiler", "explorer", "critic", "planner")]
    assert len(set(texts)) == 5
    assert all(text and text == text.strip() for text in texts)
    own = tmp_path / "own.txt"
    own.write_text("Count the mugs.\n")
    assert _roles(str(own)) == {"a": "Count the mugs."}


def test_a_role_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InvalidSetting, match=r"no role is called 'boss' \(member 'a'\); take strategist, compiler"):
        _roles("boss")
    with pytest.raises(InvalidSetting, match=r"the role of member 'a' cannot be read: .*missing\.txt"):
        _roles(str(tmp_path / "missing.txt"))
