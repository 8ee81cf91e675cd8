"""100,000 strings that nobody would type: the answer is always an observation, and only exact commands change anything."""

import os
import random
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import AlfworldEnv, NativeEngine, canonical_command, household_games

NUM_STRINGS = int(os.environ.get("ALFWORLD_FUZZ_STRINGS", "100000"))
STRINGS_A_STATE = 20
NOTHING_HAPPENS = "Nothing happens."
ALPHABETS = (
    string.printable,
    string.ascii_lowercase + string.digits + "   ",
    "\x00\x01\x07\x08\x1b\x1c\x1f\x7f\x85\x9f",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e",
    "\u0300\u0301\u0327\u20dd\u0e47\u0489",
    "\u202a\u202e\u2066\u2069\u061c",
    "\u00a0\u2000\u2003\u2028\u2029\u3000",
    "\ud800\udbff\udc00\udfff",
    "éßİıſﬁÅΩЖ中あ한अ🚪👩\u200d🍳",
    "".join(map(chr, (0x10FFFF, 0xFFFF, 0xFFFE, 0xE000, 0xFDD0, 0x1F595))),
)
PIECES = (
    *(
        "go to",
        "open",
        "close",
        "take",
        "move",
        "put",
        "use",
        "heat",
        "clean",
        "cool",
        "slice",
        "examine",
        "look",
        "help",
    ),
    *(
        "from",
        "to",
        "with",
        "in/on",
        "in",
        "on",
        "inventory",
        "mug 1",
        "apple 2",
        "fridge 1",
        "cabinet",
        "1",
        "-1",
        "1e9",
        "0x1",
    ),
    *(
        "{}",
        "%s",
        "%n",
        "\\d+",
        "(.*)*",
        "#intro#",
        "../../etc",
        "'; drop",
        "<b>",
        "${x}",
        "__class__",
        "None",
        "\n",
        "\t",
    ),
)


def gibberish(rng, admissible):
    alphabet = rng.choice(ALPHABETS)
    return "".join(rng.choices(alphabet, k=rng.randint(0, 30)))


def any_characters(rng, admissible):
    return "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randint(1, 12)))


def very_long(rng, admissible):
    # Seldom, so that length does not take all the time: most of these are only long.
    length = rng.choice((300, 300, 300, 300, 300, 300, 100_000))
    piece = rng.choice((*PIECES, rng.choice(admissible), " ", " in "))
    return f"{rng.choice(('', 'put x', 'go to '))}{piece * (length // len(piece))}{rng.choice(('', chr(10), ' z'))}"


def empty(rng, admissible):
    return "".join(rng.choices(" \t\n\r\v\f", k=rng.randint(0, 3)))


def pieces(rng, admissible):
    return " ".join(rng.choices(PIECES, k=rng.randint(1, 6)))


def one_edit(rng, admissible):
    command = rng.choice(admissible)
    place = rng.randrange(len(command) + 1)
    stranger = rng.choice(rng.choice(ALPHABETS))
    return command[:place] + rng.choice(("", stranger)) + command[place + rng.randint(0, 1) :]


def two_letters_exchanged(rng, admissible):
    letters = list(rng.choice(admissible))
    place = rng.randrange(len(letters) - 1)
    letters[place : place + 2] = letters[place + 1], letters[place]
    return "".join(letters)


def other_case(rng, admissible):
    return rng.choice((str.upper, str.title, str.swapcase, str.capitalize, str.casefold))(rng.choice(admissible))


def other_spaces(rng, admissible):
    space = rng.choice((" ", "  ", "\t", "\u00a0", "\u200b", "\n", ""))
    around = rng.choice(("", " ", "\t\n", "\u3000", "\u200b"))
    return around + rng.choice(admissible).replace(" ", space) + around


def words_moved(rng, admissible):
    words = f"{rng.choice(admissible)} {rng.choice(admissible)}".split()
    return " ".join(rng.sample(words, rng.randint(1, len(words))))


def other_number(rng, admissible):
    return rng.choice(admissible).rstrip(string.digits) + rng.choice(
        ("0", "9", "01", "-1", "1.0", "١", "²", "9" * 50, "")
    )


def exact(rng, admissible):
    return rng.choice(admissible)


KINDS = (
    *(gibberish, any_characters, very_long, empty, pieces, one_edit, one_edit, two_letters_exchanged, other_case),
    *(other_spaces, words_moved, other_number, exact),
)


@pytest.fixture(scope="module")
def games(kitchen):
    """The six goals in the small kitchen, and six household games."""
    household = [game.load() for game in household_games("unseen", 6)]
    return [*(kitchen(kind) for kind in ("place", "two", "look", "clean", "heat", "cool")), *household]


def test_only_exact_commands_change_anything(games):
    rng = random.Random(0)
    engines = [NativeEngine(data) for data in games]
    counts = Counter()
    for number in range(NUM_STRINGS // STRINGS_A_STATE):
        engine = engines[number % len(engines)]
        if number // len(engines) % 40 == 0:
            engine.reset()
        engine.step(rng.choice(engine.admissible_commands()))
        for _ in range(STRINGS_A_STATE):
            admissible, before, won = engine.admissible_commands(), engine.state, engine.won
            command = rng.choice(KINDS)(rng, admissible)
            answer = engine.step(command)
            assert isinstance(answer, str)
            if command.strip() in admissible:
                counts["exact"] += 1
                assert answer.strip() not in ("", NOTHING_HAPPENS), command
            else:
                counts["other"] += 1
                told = ascii(command[:200])
                assert answer == NOTHING_HAPPENS, told
                assert engine.state == before, told
                assert engine.won == won, told
    assert sum(counts.values()) == NUM_STRINGS // STRINGS_A_STATE * STRINGS_A_STATE
    assert min(counts.values()) > NUM_STRINGS // 20, counts


def test_an_episode_takes_any_string_as_a_step(games):
    rng = random.Random(1)
    for number in range(max(1, NUM_STRINGS // 500)):
        env = AlfworldEnv(games[number % len(games)], max_steps=20)
        observation, info = env.reset()
        done = False
        while not done:
            admissible, steps = info["admissible_commands"], info["steps"]
            command = rng.choice(KINDS)(rng, admissible)
            observation, reward, terminated, truncated, info = env.step(command)
            done = terminated or truncated
            assert info["steps"] == steps + 1
            known = canonical_command(command) in admissible
            assert (observation == NOTHING_HAPPENS) == (not known), ascii(command[:200])
            assert known or (info["admissible_commands"] == admissible and reward == 0.0)


@given(command=st.text(st.characters(categories=None), max_size=60))
def test_no_text_at_all_is_too_odd(kitchen, command):
    engine = NativeEngine(kitchen())
    known = command.strip() in engine.admissible_commands()
    before = engine.state
    assert (engine.step(command) == NOTHING_HAPPENS) == (not known)
    assert known or engine.state == before


@given(data=st.data())
def test_every_single_edit_of_a_command_is_refused_unless_it_is_a_command(kitchen, data):
    engine = NativeEngine(kitchen())
    engine.step("go to countertop 1")
    admissible = engine.admissible_commands()
    command = data.draw(st.sampled_from(admissible))
    place = data.draw(st.integers(0, len(command)))
    edited = command[:place] + data.draw(st.text(max_size=1)) + command[place + data.draw(st.integers(0, 1)) :]
    assert (engine.step(edited) == NOTHING_HAPPENS) == (edited.strip() not in admissible)
