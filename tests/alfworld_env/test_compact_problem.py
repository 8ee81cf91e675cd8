import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alfworld_env import InvalidGame, household_games
from alfworld_env.compact_problem import compact_problem
from alfworld_env.problem import parse_problem

KINDS = ("place", "two", "look", "clean", "heat", "cool")
TINY = """(define (problem Tiny) (:domain alfred) (:objects agent1 - agent)
    (:init
        (receptacleType Desk_bar_1 DeskType) (objectType Mug_bar_2 MugType) ; a remark (openable Desk_bar_1)
        (inReceptacle Mug_bar_2 Desk_bar_1)  (objectAtLocation Mug_bar_2 loc_bar_3)
        (receptacleAtLocation Desk_bar_1 loc_bar_3) (canContain DeskType MugType) (canContain DeskType MugType)
        (atLocation agent1 loc_bar_4))
    (:goal (exists (?r - receptacle) (exists (?o - object)
        (and (inReceptacle ?o ?r) (objectType ?o MugType) (receptacleType ?r ShelfType))))))"""


def test_every_thing_is_named_once_beside_what_holds_for_it():
    """By type and then name: loc_bar_3, loc_bar_4 (locations), mug_bar_2 (object), desk_bar_1 (receptacle)."""
    compact = compact_problem(TINY)
    assert [(thing.name, thing.pddl_type, thing.kind, thing.related) for thing in compact.things] == [
        ("loc_bar_3", "location", "", ()),
        ("loc_bar_4", "location", "(atlocation agent1 (0))", ()),
        (
            "mug_bar_2",
            "object",
            "(inreceptacle (0) (1))\n(objectatlocation (0) (2))\n(objecttype (0) mugtype)",
            (3, 0),
        ),
        ("desk_bar_1", "receptacle", "(receptacleatlocation (0) (1))\n(receptacletype (0) desktype)", (0,)),
    ]
    assert compact.fixed == "(cancontain desktype mugtype)"
    assert compact.constants == "agent1 - agent\ndesktype - rtype\nmugtype - otype\nshelftype - rtype"
    assert compact.goal.startswith("(:goal (exists (?r - receptacle) (exists")


def test_the_canonical_form_says_the_same():
    text = compact_problem(TINY).text()
    assert parse_problem(text) == parse_problem(TINY)
    assert "openable" not in text
    assert text.count("(cancontain desktype mugtype)") == 1
    assert re.search(r"\(:objects[^)]*mug_bar_2 - object", text)


@pytest.mark.parametrize("kind", KINDS)
def test_the_canonical_form_is_its_own(kitchen, kind):
    problem = kitchen(kind).problem
    compact = compact_problem(problem)
    assert parse_problem(compact.text()) == parse_problem(problem)
    assert compact_problem(compact.text()) == compact


@settings(max_examples=20, deadline=None)
@given(number=st.integers(0, 99))
def test_household_problems_stay_the_same(number):
    problem = household_games("unseen", number + 1)[number].load().problem
    assert parse_problem(compact_problem(problem).text()) == parse_problem(problem)


def test_what_is_no_problem_is_refused(kitchen):
    with pytest.raises(InvalidGame, match="cut short"):
        compact_problem(kitchen().problem[:2000])


@pytest.mark.alfworld
def test_alfworld_s_problems_stay_the_same(real_games):
    for game in real_games("seen")[::10]:
        problem = game.load().problem
        small = compact_problem(problem).text()
        assert parse_problem(small) == parse_problem(problem)
        assert len(small) < len(problem)
