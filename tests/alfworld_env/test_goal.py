"""Goals are read for what they mean: any way of writing one gives the same goal, and any other goal is refused."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import InvalidGame, TaskType
from alfworld_env.goal import Goal, parse_goal

SHAPES = {
    "place": "(and (exists (?r - receptacle) (exists (?o - object) (and (inReceptacle ?o ?r) (objectType ?o BookType) "
    "(receptacleType ?r DeskType)))))",
    "clean": "(and (exists (?r - receptacle) (exists (?o - object) (and (cleanable ?o) (objectType ?o ClothType) "
    "(receptacleType ?r BathtubBasinType) (isClean ?o) (inReceptacle ?o ?r)))))",
    "heat": "(and (exists (?r - receptacle) (exists (?o - object) (and (heatable ?o) (objectType ?o EggType) "
    "(receptacleType ?r SinkBasinType) (isHot ?o) (inReceptacle ?o ?r)))))",
    "cool": "(and (exists (?r - receptacle) (exists (?o - object) (and (coolable ?o) (objectType ?o PanType) "
    "(receptacleType ?r StoveBurnerType) (isCool ?o) (inReceptacle ?o ?r)))))",
    "two": "(and (exists (?r - receptacle) (exists (?o1 - object) (and (objectType ?o1 PenType) (receptacleType ?r BedType) "
    "(inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2)) (objectType ?o2 PenType) (receptacleType ?r BedType) "
    "(inReceptacle ?o2 ?r)))))))",
    "look": "(and (exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and (objectType ?ot DeskLampType) "
    "(toggleable ?ot) (isToggled ?ot) (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r))) "
    "(exists (?o - object ?a - agent) (and (objectType ?o BowlType) (holds ?a ?o))))",
}
GOALS = {
    "place": Goal(TaskType.PICK_AND_PLACE, "booktype", "desktype"),
    "clean": Goal(TaskType.CLEAN_AND_PLACE, "clothtype", "bathtubbasintype"),
    "heat": Goal(TaskType.HEAT_AND_PLACE, "eggtype", "sinkbasintype"),
    "cool": Goal(TaskType.COOL_AND_PLACE, "pantype", "stoveburnertype"),
    "two": Goal(TaskType.PICK_TWO, "pentype", "bedtype"),
    "look": Goal(TaskType.LOOK_IN_LIGHT, "bowltype", None, "desklamptype"),
}


def tree(text):
    stack = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    return stack[0][0]


def renamed(part, names):
    return names.get(part, part) if isinstance(part, str) else [renamed(inner, names) for inner in part]


def rewritten(part, rng, level=0):
    """The same condition written another way."""
    if part[0] == "and":
        parts = [rewritten(inner, rng, level + 1) for inner in part[1:]]
        facts = [inner for inner in parts if inner[0] not in ("and", "exists", "not")]
        parts += rng.sample(facts, min(len(facts), rng.randint(0, 2)))
        rng.shuffle(parts)
        middle = rng.randint(0, len(parts))
        split = rng.random() < 0.3
        return ["and", ["and", *parts[:middle]], ["and", *parts[middle:]]] if split else ["and", *parts]
    if part[0] == "exists":
        variables = [part[1][place] for place in range(0, len(part[1]), 3)]
        names = {name: f"?{rng.choice('xyzo')}{level}-{place}" for place, name in enumerate(variables)}
        body = rewritten(renamed(part[2], names), rng, level + 1)
        declared = [[names[part[1][place]], "-", part[1][place + 2]] for place in range(0, len(part[1]), 3)]
        rng.shuffle(declared)
        if rng.random() < 0.5:
            return ["exists", [token for one in declared for token in one], body]
        for one in declared:
            body = ["exists", one, body]
        return body
    if part[0] == "not":
        return ["not", ["=", *rng.sample(part[1][1:], 2)]]
    return part


def printed(part, rng):
    space = rng.choice((" ", "  ", "\n", "\t ", " ; said twice (and so on\n"))
    if isinstance(part, str):
        return "".join(rng.choice((str.upper, str.lower))(letter) for letter in part)
    return f"({rng.choice(('', ' '))}{space.join(printed(inner, rng) for inner in part)}{rng.choice(('', chr(10)))})"


@given(kind=st.sampled_from(sorted(SHAPES)), seed=st.integers(0, 2**32))
def test_a_goal_means_the_same_however_it_is_written(kind, seed):
    rng = random.Random(seed)
    text = printed([":goal", rewritten(tree(SHAPES[kind]), rng)], rng)
    assert parse_goal(text) == GOALS[kind]


@pytest.mark.parametrize("kind", SHAPES)
def test_what_may_follow_a_goal_changes_nothing(kind):
    for rest in ("", ")", "\n  (:metric minimize (total-cost)))\n"):
        assert parse_goal(f"(:goal {SHAPES[kind]}){rest}") == GOALS[kind]


@pytest.mark.parametrize("kind", SHAPES)
def test_a_goal_with_any_condition_left_out_or_negated_is_refused(kind):
    conditions = sorted(set(re.findall(r"\([\w=]+ \?[^()-]*\)", SHAPES[kind])))
    assert len(conditions) >= 3
    for condition in conditions:
        with pytest.raises(InvalidGame, match="six goals"):
            parse_goal(f"(:goal {SHAPES[kind].replace(condition, '(and)')})")
        negated = condition[1:-1] if condition.startswith("(=") else f"(not {condition})"
        with pytest.raises(InvalidGame, match="six goals"):
            parse_goal(f"(:goal {SHAPES[kind].replace(condition, negated)})")


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("place", "(inReceptacle ?o ?r)", "(inReceptacle ?o ?r) (isClean ?o) (cleanable ?o) (isHot ?o) (heatable ?o)"),
        ("place", "(and (inReceptacle", "(or (inReceptacle"),
        ("place", "exists (?o", "forall (?o"),
        ("place", "?r - receptacle", "?r - object"),
        ("place", "?r - receptacle", "?r"),
        ("place", "?o BookType", "?o ?r"),
        ("place", "(inReceptacle ?o ?r)", "(inReceptacle ?r ?o)"),
        ("place", "(inReceptacle ?o ?r)", "(inReceptacle ?o Desk_bar_01)"),
        ("place", "(inReceptacle ?o ?r)", "(inReceptacle ?o ?r) (objectType ?o MugType)"),
        ("clean", "(isClean ?o)", "(isHot ?o)"),
        ("two", "(objectType ?o2 PenType)", "(objectType ?o2 PencilType)"),
        (
            "two",
            "(inReceptacle ?o2 ?r)",
            "(exists (?r - receptacle) (and (receptacleType ?r BedType) (inReceptacle ?o2 ?r)))",
        ),
        ("look", "(isToggled ?ot)", "(isToggled ?r)"),
        ("look", "?o BowlType", "?o BowlType) (toggleable ?o"),
        ("look", "(atLocation ?a ?l)", "(atLocation agent1 ?l)"),
        ("look", "(holds ?a ?o)", "(holds ?a ?ot)"),
        ("look", "?a - agent", "?a"),
    ],
)
def test_a_goal_that_asks_for_something_else_is_refused(kind, old, new):
    assert old in SHAPES[kind]
    with pytest.raises(InvalidGame, match="six goals"):
        parse_goal(f"(:goal {SHAPES[kind].replace(old, new)})")


@pytest.mark.parametrize(
    "text", ["", "(:goal", "(:goal)", "(:goal ())", "(:goal (and) (and))", "(:goal " + "(" * 100_000, ")"]
)
def test_a_broken_goal_is_refused(text):
    with pytest.raises(InvalidGame, match="six goals"):
        parse_goal(text)


@pytest.mark.alfworld
@pytest.mark.parametrize("split", ["train", "seen", "unseen"])
def test_real_goals_agree_with_the_folder_names(real_games, split):
    for game in random.Random(0).sample(real_games(split), 60):
        problem = game.load().problem
        task_type, thing, _, target, _ = game.game_id.split("/")[1].split("-")
        goal = parse_goal(problem[problem.index("(:goal") :])
        found = (goal.task_type, goal.object_type, goal.receptacle_type or goal.lamp_type)
        assert found == (task_type, f"{thing}Type".lower(), f"{target}Type".lower()), game.game_id
