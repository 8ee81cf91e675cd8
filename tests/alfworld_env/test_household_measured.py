"""Measured rooms: playable, new, split cleanly, and like ALFWorld's in every number that was measured."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import NativeEngine, TaskType, household_games
from alfworld_env.household.furnishing import TRAIN_SCENES, UNSEEN_SCENES, scene_of, scenes
from alfworld_env.household.game import household_game
from alfworld_env.household.measure import sample_of
from alfworld_env.household.statistics import load_statistics
from alfworld_env.household.tally import layout_digest
from alfworld_env.household.tasks import HELD_OUT_SHARE, held_out_pairs, possible_pairs
from alfworld_env.problem import parse_problem
from alfworld_env.task_sentence import parse_task

SPLITS = ("train", "seen", "unseen")
ROOMS = ("kitchen", "livingroom", "bedroom", "bathroom")

splits = st.sampled_from(SPLITS)
numbers = st.integers(0, 10**6)
seeds = st.integers(0, 2**32)


def measured(split, count, seed=0):
    return household_games(split, count, seed, rooms="measured")


def pair(game):
    """What the task is about and where it has to end, by the goal."""
    goal = parse_problem(game.load().problem).goal
    return goal.object_type, goal.receptacle_type or goal.lamp_type


def played(data):
    """Whether the game is won at the start and after each command of its walkthrough."""
    engine = NativeEngine(data)
    engine.reset()
    won = [engine.won]
    for command in data.walkthrough:
        assert command in engine.admissible_commands(), command
        engine.step(command)
        won.append(engine.won)
    return won


def standing(receptacles):
    """A layout with positions: which kinds of receptacles stand together at each location."""
    together = Counter()
    for location in {place for _, place in receptacles}:
        together[tuple(sorted(kind for kind, place in receptacles if place == location))] += 1
    return frozenset(together.items())


@given(splits, numbers, seeds)
def test_any_game_is_solved_by_its_walkthrough_at_the_last_step_and_not_before(split, number, seed):
    game = household_game(split, number, seed, "measured")
    data = game.load()
    assert played(data) == [False] * len(data.walkthrough) + [True]
    assert game.game_id == f"household-measured/{split}/{game.scene}/{seed}-{number:06d}"
    assert (parse_problem(data.problem).goal.task_type, game.task_type) == (list(TaskType)[number % 6],) * 2


@given(splits, numbers, seeds)
def test_any_game_starts_the_way_alfworld_s_do(split, number, seed):
    problem = parse_problem(household_game(split, number, seed, "measured").load().problem)
    room, goal = load_statistics().rooms[scene_of_game(split, number, seed).room], problem.goal
    capacity = {f"{kind}type".lower(): each.capacity for kind, each in room.receptacles.items()}
    assert problem.start not in problem.receptacles_at
    placed = Counter(thing for things in problem.contents.values() for thing in things)
    assert set(placed.values()) == {1}
    spot = dict(problem.places)
    kept_out = {
        TaskType.CLEAN_AND_PLACE: "sinkbasintype",
        TaskType.HEAT_AND_PLACE: "microwavetype",
        TaskType.COOL_AND_PLACE: "fridgetype",
    }.get(goal.task_type, goal.receptacle_type)
    for place, things in problem.contents.items():
        (kind,) = problem.receptacle_types[place]
        assert len(things) <= capacity[kind]
        for thing in things:
            assert (thing, spot[place]) in problem.object_places
            if goal.object_type in problem.object_types[thing]:
                assert kind != kept_out
            if thing in problem.flags["iscool"]:
                assert kind == "fridgetype"


def scene_of_game(split, number, seed):
    return scene_of(household_game(split, number, seed, "measured").scene)


@given(st.lists(st.tuples(splits, numbers, seeds), unique=True, max_size=20))
def test_ids_are_unique(drawn):
    ids = {household_game(*each, "measured").game_id for each in drawn}
    assert len(ids) == len(drawn)
    assert not ids & {household_game(*each, "small").game_id for each in drawn}


@given(st.sampled_from(("train", "seen")), numbers, seeds, numbers, seeds)
def test_unseen_games_share_no_scene_and_no_pair_with_any_other(split, number, seed, other_number, other_seed):
    game, other = (
        household_game(split, number, seed, "measured"),
        household_game("unseen", other_number, other_seed, "measured"),
    )
    assert game.scene != other.scene
    assert "unseen" in other.scene
    assert pair(game) != pair(other)


def test_held_out_pairs_leave_every_kind_in_training():
    for task_type in TaskType:
        train, unseen = possible_pairs(task_type, False), possible_pairs(task_type, True)
        assert unseen <= held_out_pairs()
        assert not train & held_out_pairs()
        assert unseen
    everything = set().union(*(possible_pairs(task_type, False) for task_type in TaskType))
    for position in (0, 1):
        assert {each[position] for each in held_out_pairs()} <= {each[position] for each in everything}
    pairs = {each for room in load_statistics().rooms.values() for tasks in room.tasks.values() for each in tasks}
    assert HELD_OUT_SHARE - 0.05 < len(held_out_pairs()) / len(pairs) < HELD_OUT_SHARE + 0.05


def test_every_pair_that_was_measured_and_not_held_out_can_be_a_training_task():
    """Where this fails, a kind of furniture has gone missing from all thirty scenes."""
    for task_type in TaskType:
        wanted = {each for room in load_statistics().rooms.values() for each in room.tasks.get(task_type, ())}
        assert possible_pairs(task_type, False) == wanted - held_out_pairs()


def test_scenes_are_all_different_and_none_is_furnished_like_a_measured_one():
    for room in ROOMS:
        layouts = [
            layout_digest(place.kind for place in each.receptacles)
            for each in (*scenes(room, False), *scenes(room, True))
        ]
        assert len(set(layouts)) == len(layouts) == TRAIN_SCENES + UNSEEN_SCENES
        assert not set(layouts) & load_statistics().rooms[room].layouts


def test_kitchens_have_the_appliances_that_real_ones_have():
    for scene in (*scenes("kitchen", False), *scenes("kitchen", True)):
        number = Counter(place.kind for place in scene.receptacles)
        assert [number[kind] for kind in ("Fridge", "Microwave", "SinkBasin", "Toaster", "CoffeeMachine")] == [1] * 5
        doors = {place.kind for place in scene.receptacles if place.openable}
        assert {"Fridge", "Microwave"} <= doors <= {"Fridge", "Microwave", "Cabinet", "Drawer", "Safe"}


def test_what_cannot_be_picked_up_stays_where_it_is_in_a_scene():
    lamps = {}
    for game in measured("train", 300):
        problem = parse_problem(game.load().problem)
        found = frozenset(
            (thing, place)
            for place, things in problem.contents.items()
            for thing in things - problem.flags["pickupable"]
        )
        assert lamps.setdefault(game.scene, found) == found
    assert any(lamps.values())


def test_some_receptacles_share_a_location_and_walkthroughs_never_go_where_they_are():
    shared = 0
    for game in measured("train", 120):
        data = game.load()
        problem = parse_problem(data.problem)
        place_of = {problem.names[receptacle]: location for receptacle, location in problem.places}
        visits = [place_of[command.removeprefix("go to ")] for command in data.walkthrough if command.startswith("go")]
        assert all(visit != after for visit, after in pairwise(visits))
        shared += len(problem.places) - len(problem.receptacles_at)
    assert shared > 100


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_say_what_goals_want(split):
    for game in measured(split, 60):
        data = game.load()
        goal, assignment = parse_problem(data.problem).goal, parse_task(data.task)
        wanted = goal.receptacle_type or goal.lamp_type
        assert (f"{assignment.thing}type", f"{assignment.target}type") == (goal.object_type, wanted)


def test_seen_games_are_new_games_in_training_scenes():
    train, seen = measured("train", 600), measured("seen", 300)
    assert {game.scene for game in (*train, *seen)} <= {each.name for room in ROOMS for each in scenes(room, False)}
    assert not {game.load().problem.partition("(:domain")[2] for game in train} & {
        game.load().problem.partition("(:domain")[2] for game in seen
    }


@pytest.mark.alfworld
def test_no_room_is_one_of_alfworld_s(real_games):
    """Neither by what stands where nor by what lies where: one game of each real scene against all generated ones."""
    ours = {
        standing([(place.kind.lower(), place.location) for place in each.receptacles])
        for room in ROOMS
        for unseen in (False, True)
        for each in scenes(room, unseen)
    }
    theirs = set()
    met = set()
    for split in SPLITS:
        for game in real_games(split):
            scene = game.game_id.split("/")[1].rpartition("-")[2]
            if scene in met:
                continue
            met.add(scene)
            sample = sample_of(game)
            problem = parse_problem(sample.data.problem)
            kinds = {place: next(iter(kind)).removesuffix("type") for place, kind in problem.receptacle_types.items()}
            theirs.add(standing([(kinds[place], location) for place, location in problem.places]))
    assert len(met) == 112
    assert len(theirs) > 100
    assert not ours & theirs


@pytest.mark.slow
@pytest.mark.parametrize(("split", "number"), [("seen", 0), ("unseen", 4)])
def test_textworld_plays_measured_games_alike(split, number):
    """A simple task and a cooling one: walkthrough and 20 random steps."""
    pytest.importorskip("textworld", reason="the alfworld extra is not installed")
    pytest.importorskip("fast_downward", reason="the alfworld extra is not installed")
    from alfworld_env.parity import differences

    game = household_game(split, number, 5, "measured")
    assert list(differences(game.load(), steps=20, seed=number)) == [], game.game_id
