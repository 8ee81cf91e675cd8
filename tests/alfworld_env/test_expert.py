import random
import re
from collections import Counter

import pytest

from alfworld_env import AlfworldEnv, household_games, record_expert, strip_banner
from alfworld_env.expert import ExploringExpert
from alfworld_env.household.catalogue import LAMP, OBJECTS, ROOMS

NAME = re.compile(r"[a-z]+ \d+")
KINDS = {kind.name.lower() for kinds in (*OBJECTS.values(), *ROOMS.values(), (LAMP,)) for kind in kinds}


def unknown(thought, known):
    """Things and kinds of things that a thought names and no text before it did."""
    names = set(NAME.findall(thought)) - set(NAME.findall(known))
    kinds = (set(re.findall(r"[a-z]+", thought)) & KINDS) - set(re.findall(r"[a-z]+", known))
    return names | kinds


def play(game, seed=0, max_steps=50):
    """Steps with all that was read before each, and whether each was possible."""
    env = AlfworldEnv(game, max_steps=max_steps)
    observation, info = env.reset()
    known, expert, steps = observation, ExploringExpert(observation, seed), []
    won = truncated = False
    while not (won or truncated):
        step = expert.act(observation, info["admissible_commands"])
        steps.append((step, known, step.command in info["admissible_commands"]))
        observation, _, won, truncated, info = env.step(step.command)
        known += "\n" + observation
    return steps, won


def share_won(games, max_steps=50):
    return sum(record_expert(game, max_steps=max_steps).won for game in games) / len(games)


def test_household_games_are_won_within_fifty_steps():
    games = [game for split in ("train", "seen", "unseen") for game in household_games(split, 100)]
    assert share_won(games) >= 0.98
    # Not so easily that a message could not help: most rooms are larger than twenty steps of looking.
    assert share_won(games, max_steps=20) < 0.8


@pytest.mark.alfworld
def test_alfworld_s_games_are_won_within_fifty_steps(real_games):
    assert share_won(random.Random(0).sample(real_games("train"), 200)) >= 0.95


@pytest.mark.parametrize("kind", ["place", "two", "look", "clean", "heat", "cool"])
def test_each_task_is_won_in_the_small_kitchen_whatever_the_seed(kitchen, kind):
    for seed in range(10):
        steps, won = play(kitchen(kind), seed)
        assert won
        assert all(possible for _, _, possible in steps)


@pytest.mark.parametrize(
    ("thought", "wanted"),
    [
        ("I take the mug 1 from the shelf 2.", set()),
        ("I take the mug 2.", {"mug 2"}),
        ("There may be a pen.", {"pen"}),
        ("I need the fridge 1.", {"fridge 1", "fridge"}),
    ],
)
def test_what_counts_as_unknown(thought, wanted):
    assert unknown(thought, "On the shelf 2, you see a mug 1.") == wanted


def test_thoughts_name_only_what_was_read_before():
    for game in household_games("train", 100, seed=7):
        for step, known, possible in play(game)[0]:
            assert possible, step
            assert not unknown(step.thought, known), (game.game_id, step)


@pytest.mark.alfworld
def test_thoughts_on_alfworld_s_games_name_only_what_was_read_before(real_games):
    for game in random.Random(1).sample(real_games("train"), 60):
        for step, known, _ in play(game)[0]:
            assert not unknown(step.thought, known), (game.game_id, step)


OPENING = """You are in the middle of a room. Looking quickly around you, you see a desk 1, a shelf 1, and a safe 1.

Your task is to: look at book under the desklamp."""
EVERYWHERE = ["go to desk 1", "go to safe 1", "go to shelf 1", "look"]


def test_what_was_passed_is_remembered():
    """The lamp is met before the book; book in hand, the expert goes back instead of looking into the third receptacle."""
    expert = ExploringExpert(OPENING)
    lamp_at = expert.act(OPENING, EVERYWHERE).command.removeprefix("go to ")
    lamp_seen = f"You arrive at {lamp_at}. On the {lamp_at}, you see a desklamp 1, and a pen 2."
    book_at = expert.act(lamp_seen, EVERYWHERE).command.removeprefix("go to ")
    assert book_at != lamp_at
    book_seen = f"You arrive at {book_at}. On the {book_at}, you see a book 3."
    take = expert.act(book_seen, [*EVERYWHERE, f"take book 3 from {book_at}"]).command
    assert take == f"take book 3 from {book_at}"
    back = expert.act(f"You pick up the book 3 from the {book_at}.", EVERYWHERE)
    assert back.command == f"go to {lamp_at}"
    assert lamp_at in back.thought
    assert expert.act(lamp_seen, [*EVERYWHERE, "use desklamp 1"]).command == "use desklamp 1"


def test_it_looks_everywhere_before_it_looks_again():
    expert = ExploringExpert(OPENING)
    visited, observation = [], OPENING
    for _ in range(3):
        place = expert.act(observation, EVERYWHERE).command.removeprefix("go to ")
        visited.append(place)
        observation = f"You arrive at {place}. On the {place}, you see nothing."
    assert sorted(visited) == ["desk 1", "safe 1", "shelf 1"]
    assert expert.act(observation, EVERYWHERE).command in {f"go to {place}" for place in visited[:2]}


def test_a_receptacle_beside_which_one_stands_is_examined_for_what_is_missing():
    """Where a receptacle shares the agent's spot there is no going to it. Book in hand, it is the lamp that is missing."""
    expert = ExploringExpert(OPENING)
    place = expert.act(OPENING, EVERYWHERE).command.removeprefix("go to ")
    expert.act(f"You arrive at {place}. On the {place}, you see a book 3.", [f"take book 3 from {place}"])
    step = expert.act(
        f"You pick up the book 3 from the {place}.", ["examine desk 1", "examine shelf 1", "examine safe 1"]
    )
    assert step.command.startswith("examine ")
    assert "desklamp" in step.thought


def test_a_seed_decides_and_the_banner_does_not():
    games = household_games("unseen", 20)
    first = [[step for step, _, _ in play(game, seed=1)[0]] for game in games]
    assert first == [[step for step, _, _ in play(game, seed=1)[0]] for game in games]
    assert all(a != b for a, b in zip(first, ([s for s, _, _ in play(game, seed=2)[0]] for game in games), strict=True))
    opening, info = AlfworldEnv(games[0]).reset()
    with_banner, without = ExploringExpert(opening, 1), ExploringExpert(strip_banner(opening), 1)
    wanted = with_banner.act(opening, info["admissible_commands"])
    assert without.act(strip_banner(opening), info["admissible_commands"]) == wanted


def test_thoughts_vary():
    """The same command comes with different thoughts: at least two forms for every verb, three for going."""
    forms: dict[str, Counter] = {}
    for game in household_games("train", 60):
        for step, _, _ in play(game)[0]:
            form = re.sub(r"\ba [a-z]+\b", "a KIND", NAME.sub("NAME", step.thought))
            forms.setdefault(step.command.split()[0], Counter())[form] += 1
    assert set(forms) == {"go", "open", "take", "move", "clean", "heat", "cool", "use"}
    assert all(len(seen) >= 2 for seen in forms.values())
    assert len(forms["go"]) >= 3
    assert all(max(seen.values()) <= 0.7 * seen.total() for seen in forms.values())
