import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import InvalidGame, TaskType
from alfworld_env.goal import parse_goal
from alfworld_env.problem import entity_names, parse_problem


def test_numbers_run_downwards_over_sorted_ids():
    names = entity_names(["cabinet_bar_02", "cabinet_bar_01", "sink_bar_01_bar_sinkbasin", "sink_bar_01", "agent1"])
    assert names == {
        "agent1": "agent1 ",
        "cabinet_bar_01": "cabinet 2",
        "cabinet_bar_02": "cabinet 1",
        "sink_bar_01": "sink 1",
        "sink_bar_01_bar_sinkbasin": "sinkbasin 1",
    }


@given(st.sets(st.from_regex(r"(mug|cup|desk)_bar_[0-9]{1,3}", fullmatch=True)))
def test_every_entity_of_a_kind_gets_its_own_number_from_one_up(ids):
    names = entity_names(ids)
    for kind in {entity.split("_")[0] for entity in ids}:
        numbers = [int(name.split()[1]) for name in names.values() if name.split()[0] == kind]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    ("kind", "task_type", "thing", "place", "lamp"),
    [
        ("place", TaskType.PICK_AND_PLACE, "appletype", "sidetabletype", None),
        ("two", TaskType.PICK_TWO, "appletype", "sidetabletype", None),
        ("clean", TaskType.CLEAN_AND_PLACE, "appletype", "sidetabletype", None),
        ("heat", TaskType.HEAT_AND_PLACE, "appletype", "sidetabletype", None),
        ("cool", TaskType.COOL_AND_PLACE, "appletype", "sidetabletype", None),
        ("look", TaskType.LOOK_IN_LIGHT, "mugtype", None, "desklamptype"),
    ],
)
def test_each_goal_shape_is_recognised(kitchen, kind, task_type, thing, place, lamp):
    goal = parse_problem(kitchen(kind).problem).goal
    assert (goal.task_type, goal.object_type, goal.receptacle_type, goal.lamp_type) == (task_type, thing, place, lamp)


@pytest.mark.parametrize(
    "text",
    [
        "(:goal (and (issliced ?o)))",
        "(:goal (and (objecttype ?o mugtype) (inreceptacle ?o ?r)))",
        "(:goal (and (objecttype ?o mugtype) (receptacletype ?r desktype) (isclean ?o) (ishot ?o) (inreceptacle ?o ?r)))",
        "(:goal)",
    ],
)
def test_another_goal_is_refused_rather_than_misread(text):
    with pytest.raises(InvalidGame, match="six goals"):
        parse_goal(text)


def test_facts_become_data(kitchen):
    problem = parse_problem(kitchen().problem)
    assert problem.start == "loc_bar_00"
    assert problem.receptacles_at["loc_bar_01"] == ("cabinet_bar_01", "countertop_bar_01")
    assert problem.contents["countertop_bar_01"] == {"apple_bar_01", "knife_bar_01", "mug_bar_01"}
    assert problem.contents["fridge_bar_01"] == frozenset()
    assert problem.fits("mug_bar_01", "cabinet_bar_01")
    assert not problem.fits("mug_bar_01", "fridge_bar_01")


@given(seed=st.integers(0, 2**32))
def test_the_order_of_facts_their_repetition_case_and_comments_change_nothing(kitchen, seed):
    rng = random.Random(seed)
    text = kitchen("cool").problem
    start, end = text.index("(:init") + len("(:init"), text.index("(:goal")
    facts = re.findall(r"\([^()]*\)", text[start:end])
    shuffled = "\n; (openable (\n".join(rng.sample(facts + facts[:5], len(facts) + 5))
    changed = rng.choice((str.upper, str.lower, str))(f"{text[:start]} {shuffled} ) {text[end:]}")
    assert parse_problem(changed) == parse_problem(text)


def test_the_cost_that_a_planner_counts_is_passed_over(kitchen):
    text = kitchen().problem
    costly = (
        text.replace("(:init", "(:init (= (total-cost) 0)").rstrip().removesuffix(")")
        + "(:metric minimize (total-cost)))"
    )
    assert parse_problem(costly) == parse_problem(text)


def test_a_problem_cut_anywhere_is_refused(kitchen):
    text = kitchen().problem.rstrip()
    for end in range(len(text)):
        with pytest.raises(InvalidGame):
            parse_problem(text[:end])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(openable Fridge_bar_01)", "(on a b)", "uses on"),
        ("(atLocation agent1 loc_bar_00)", "", "got 0"),
        ("receptacleAtLocation", "objectAtLocation", "no receptacle"),
        ("(openable Fridge_bar_01)", "(openable Fridge_bar_01", "opens"),
        ("(openable Fridge_bar_01)", "(openable)", "got also: \\(openable\\)"),
        ("(openable Fridge_bar_01)", "(not (openable Fridge_bar_01))", "got also: \\(not"),
        ("(openable Fridge_bar_01)", "(openable Fridge_bar_01 Mug_bar_01)", "1 arguments of openable"),
        ("(pickupable Mug_bar_01)", "(inReceptacle Mug_bar_01)", "2 arguments of inreceptacle"),
        ("Apple_bar_01", "Apple1", "got apple1"),
        ("Apple_bar_01", "_bar_01", "got _bar_01"),
        ("Cabinet_bar_02 loc", "Cabinet_bar_01 loc", "two locations"),
    ],
)
def test_facts_of_another_domain_are_named(kitchen, old, new, message):
    with pytest.raises(InvalidGame, match=message):
        parse_problem(kitchen().problem.replace(old, new))
