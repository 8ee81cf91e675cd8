import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import AlfworldEnv, canonical_command, parse_receptacles, strip_banner, task_of

INTRO = (
    "You are in the middle of a room. Looking quickly around you, you see a bed 1, a desk 2, and a shelf 1.\n\n"
    "Your task is to: put some book on bed."
)


def test_the_banner_goes_and_nothing_else():
    assert strip_banner("-= Welcome to TextWorld, ALFRED! =-\n\n" + INTRO) == INTRO
    assert strip_banner(INTRO) == INTRO


def test_receptacles_and_task_are_read_from_the_opening():
    assert parse_receptacles(INTRO) == ["bed 1", "desk 2", "shelf 1"]
    assert task_of(INTRO) == "put some book on bed."


def test_what_the_game_says_reads_back(kitchen):
    opening, info = AlfworldEnv(kitchen()).reset()
    assert parse_receptacles(strip_banner(opening)) == [
        *("cabinet 2", "cabinet 1", "countertop 1", "fridge 1", "microwave 1", "sidetable 1", "sinkbasin 1")
    ]
    assert task_of(opening) == info["task"]


def test_a_text_that_is_no_opening_is_refused():
    with pytest.raises(ValueError, match="first observation"):
        parse_receptacles("Nothing happens.")
    with pytest.raises(ValueError, match="Your task is to"):
        task_of("Nothing happens.")


@pytest.mark.parametrize(
    ("given_command", "wanted"),
    [
        ("put mug 1 in/on desk 2", "move mug 1 to desk 2"),
        (" put mug 1 in fridge 1", "move mug 1 to fridge 1"),
        ("put mug 1 on desk 2\n", "move mug 1 to desk 2"),
        ("take mug 1 from desk 2", "take mug 1 from desk 2"),
        ("put mug 1", "put mug 1"),
    ],
)
def test_put_becomes_move(given_command, wanted):
    assert canonical_command(given_command) == wanted


@given(st.text(max_size=40))
def test_translating_a_command_twice_changes_nothing_more(command):
    assert canonical_command(canonical_command(command)) == canonical_command(command)


def test_a_very_long_command_is_translated_at_once():
    # With a pattern that tries every " in " this takes minutes: the line break keeps each try from matching.
    many = " in" * 200_000
    assert canonical_command(f"put x{many} on\ny") == f"move x to {many[4:]} on\ny"
