import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env.engine import NativeEngine
from alfworld_env.wording import enumerate_names

KINDS = ("place", "two", "look", "clean", "heat", "cool")


@pytest.fixture
def engine(kitchen):
    engine = NativeEngine(kitchen())
    engine.reset()
    return engine


def play(engine, *commands):
    return [engine.step(command) for command in commands][-1]


def test_opening_lists_receptacles_and_task(engine):
    # Written out from the grammar: sorted ids, numbers running down, ", and" before the last.
    assert engine.reset() == (
        "-= Welcome to TextWorld, ALFRED! =-\n\n"
        "You are in the middle of a room. Looking quickly around you, you see a cabinet 2, a cabinet 1, "
        "a countertop 1, a fridge 1, a microwave 1, a sidetable 1, and a sinkbasin 1.\n\n"
        "Your task is to: put a apple in sidetable."
    )


def test_only_receptacles_can_be_reached_from_the_middle_of_the_room(engine):
    assert engine.admissible_commands() == [
        *(f"go to {name}" for name in ("cabinet 1", "cabinet 2", "countertop 1", "fridge 1", "microwave 1")),
        *("go to sidetable 1", "go to sinkbasin 1", "help", "inventory", "look"),
    ]


def test_looking_again_from_the_middle_of_the_room_sees_nothing(engine):
    # A quirk of ALFWorld's grammar: only the first observation lists the receptacles.
    assert engine.step("look") == ("You are in the middle of a room. Looking quickly around you, you see nothing.")


def test_what_stands_at_one_spot_is_used_without_going(engine):
    assert engine.step("go to countertop 1") == (
        "You arrive at countertop 1. On the countertop 1, you see a apple 2, a knife 1, and a mug 1."
    )
    assert "go to cabinet 2" not in engine.admissible_commands()
    assert engine.step("open cabinet 2") == "You open the cabinet 2. The cabinet 2 is open. In it, you see nothing."
    assert engine.step("look") == "You are facing the cabinet 2, and countertop 1. Next to it, you see nothing."


def test_a_thing_moved_within_a_spot_is_seen_next_to_it(engine):
    play(engine, "go to countertop 1", "open cabinet 2", "take mug 1 from countertop 1", "move mug 1 to cabinet 2")
    assert engine.step("look") == "You are facing the cabinet 2, and countertop 1. Next to it, you see a mug 1."
    play(engine, "take mug 1 from cabinet 2", "move mug 1 to countertop 1")
    assert engine.step("look").endswith("you see a mug 1.")


def test_closed_receptacles_hide_and_hold_nothing(engine):
    assert engine.step("go to cabinet 1") == "You arrive at cabinet 1. The cabinet 1 is closed."
    assert engine.step("take apple 1 from cabinet 1") == "Nothing happens."
    assert engine.step("open cabinet 1").endswith("In it, you see a apple 1.")
    assert engine.step("close cabinet 1") == "You close the cabinet 1."
    assert engine.step("examine cabinet 1") == "The cabinet 1 is closed."


def test_one_thing_at_a_time_goes_where_it_fits(engine):
    assert engine.step("inventory") == "You are not carrying anything."
    play(engine, "go to countertop 1")
    assert engine.step("take mug 1 from countertop 1") == "You pick up the mug 1 from the countertop 1."
    assert engine.step("inventory") == "You are carrying: a mug 1."
    assert engine.step("take apple 2 from countertop 1") == "Nothing happens."
    play(engine, "go to fridge 1", "open fridge 1")
    assert engine.step("move mug 1 to fridge 1") == "Nothing happens."
    assert play(engine, "go to cabinet 2", "move mug 1 to countertop 1") == "You move the mug 1 to the countertop 1."


@pytest.mark.parametrize(
    ("commands", "answer"),
    [
        ((), "There's nothing special about apple 2."),
        (("go to fridge 1", "cool apple 2 with fridge 1"), "This is a cold apple 2."),
        (("go to microwave 1", "heat apple 2 with microwave 1"), "This is a hot apple 2."),
        (
            ("go to fridge 1", "cool apple 2 with fridge 1", "go to microwave 1", "heat apple 2 with microwave 1"),
            "This is a hot apple 2.",
        ),
        (
            ("go to sinkbasin 1", "clean apple 2 with sinkbasin 1", "go to fridge 1", "cool apple 2 with fridge 1"),
            "This is a cool and clean apple 2.",
        ),
    ],
)
def test_examining_a_held_thing_tells_its_state(engine, commands, answer):
    play(engine, "go to countertop 1", "take apple 2 from countertop 1", *commands)
    assert engine.step("examine apple 2") == answer


def test_slicing_needs_a_knife_in_hand_and_the_thing_nearby(engine):
    play(engine, "go to countertop 1", "take knife 1 from countertop 1")
    assert engine.step("slice apple 2 with knife 1") == "You sliced the apple 2 with the knife 1."
    play(engine, "move knife 1 to countertop 1", "take apple 2 from countertop 1")
    assert engine.step("examine apple 2") == "This is a sliced apple 2."


def test_a_container_in_hand_is_described_as_one(engine):
    play(engine, "go to countertop 1", "take mug 1 from countertop 1")
    assert engine.step("examine mug 1") == "This is a normal mug 1. In it, you see nothing."


@pytest.mark.parametrize("command", ["Look", "look  around", "open", "go to  fridge 1", "", "put apple 2 in/on desk 1"])
def test_anything_else_changes_nothing(engine, command):
    before = engine.admissible_commands()
    assert engine.step(command) == "Nothing happens."
    assert engine.admissible_commands() == before


@pytest.mark.parametrize("kind", KINDS)
def test_each_task_is_won_on_the_last_step_of_its_walkthrough(kitchen, kind):
    engine = NativeEngine(kitchen(kind))
    engine.reset()
    wins = [engine.won]
    for command in kitchen(kind).walkthrough:
        assert engine.step(command) != "Nothing happens."
        wins.append(engine.won)
    assert wins == [False] * len(kitchen(kind).walkthrough) + [True]


def test_the_right_place_without_the_right_state_does_not_win(kitchen):
    engine = NativeEngine(kitchen("heat"))
    engine.reset()
    play(engine, *kitchen("place").walkthrough)
    assert not engine.won


def test_look_task_is_lost_again_by_walking_off(kitchen):
    engine = NativeEngine(kitchen("look"))
    engine.reset()
    play(engine, *kitchen("look").walkthrough)
    assert engine.won
    engine.step("go to fridge 1")
    assert not engine.won


@given(st.lists(st.integers(0, 1000), max_size=30), st.sampled_from(KINDS))
def test_restoring_a_snapshot_replays_the_same_answers(kitchen, choices, kind):
    engine = NativeEngine(kitchen(kind))
    engine.reset()
    half = len(choices) // 2
    walk(engine, choices[:half])
    moment = engine.snapshot()
    twin = pickle.loads(pickle.dumps(engine))
    deep = copy.deepcopy(engine)
    first = walk(engine, choices[half:])
    engine.restore(moment)
    assert walk(engine, choices[half:]) == first
    assert walk(twin, choices[half:]) == first
    assert walk(deep, choices[half:]) == first


@given(st.lists(st.integers(0, 1000), max_size=40))
def test_nothing_is_lost_or_doubled_and_every_admissible_command_is_answered(kitchen, choices):
    engine = NativeEngine(kitchen())
    engine.reset()
    for choice in choices:
        commands = engine.admissible_commands()
        assert engine.step(commands[choice % len(commands)]) != "Nothing happens."
        placed = [thing for things in engine.state.contents.values() for thing in things]
        assert sorted([*placed, *filter(None, [engine.state.held])]) == [
            *("apple_bar_01", "apple_bar_02", "desklamp_bar_01", "knife_bar_01", "mug_bar_01")
        ]


def walk(engine, choices):
    answers = []
    for choice in choices:
        commands = engine.admissible_commands()
        answers.append((engine.step(commands[choice % len(commands)]), engine.admissible_commands(), engine.won))
    return answers


@pytest.mark.parametrize(
    ("names", "text"),
    [([], "nothing"), (["a"], "a"), (["a", "b"], "a, and b"), (["a", "b", "c"], "a, b, and c")],
)
def test_lists_read_as_in_the_game(names, text):
    assert enumerate_names(names) == text


@pytest.mark.alfworld
@pytest.mark.parametrize("split", ["seen", "unseen"])
def test_every_evaluation_walkthrough_wins_exactly_at_its_end(real_games, split):
    for game in real_games(split):
        data = game.load()
        engine = NativeEngine(data)
        engine.reset()
        assert engine.problem.goal.task_type == game.task_type
        wins = []
        for command in data.walkthrough:
            assert engine.step(command) != "Nothing happens.", (game.game_id, command)
            wins.append(engine.won)
        assert wins == [False] * (len(wins) - 1) + [True], game.game_id
