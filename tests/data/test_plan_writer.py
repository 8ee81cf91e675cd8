"""Plans in words: one sentence a deed, and no whereabouts where the sender cannot know them."""

import re

import pytest

from interlat.data.plan_writer import write_plan

WALKTHROUGH = (
    "go to countertop 2",
    "take mug 1 from countertop 2",
    "go to microwave 1",
    "heat mug 1 with microwave 1",
    "go to fridge 1",
    "open fridge 1",
    "move mug 1 to fridge 1",
)


def _parts(plan: str) -> list[str]:
    return [sentence.strip() for sentence in plan.split(".") if sentence.strip()]


@pytest.mark.parametrize("seed", range(20))
def test_one_sentence_for_every_deed_in_order(seed: int):
    take, heat, move = _parts(write_plan(WALKTHROUGH, "house", seed))
    assert "mug 1" in take
    assert "countertop 2" in take
    assert "mug 1" in heat
    assert "microwave 1" in heat
    assert "mug 1" in move
    assert "fridge 1" in move
    assert not any("open" in part.lower() or "go to" in part.lower() for part in (take, heat, move))


@pytest.mark.parametrize("seed", range(20))
def test_the_task_view_names_kinds_only(seed: int):
    plan = write_plan(WALKTHROUGH, "task", seed)
    assert not re.search(r"\d", plan)
    assert plan == re.sub(r" \d+", "", write_plan(WALKTHROUGH, "house", seed))


def test_a_lamp_is_used_where_the_walker_stands():
    walkthrough = ("go to desk 1", "take pen 2 from desk 1", "go to sidetable 3", "use desklamp 1")
    sentence = _parts(write_plan(walkthrough, "house", 0))[-1]
    assert re.fullmatch(r"(Use|Turn on) desklamp 1 at sidetable 3", sentence)


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("clean mug 1 with sinkbasin 1", {"Clean", "Wash"}),
        ("cool mug 1 with fridge 1", {"Cool", "Chill"}),
        ("heat mug 1 with microwave 1", {"Heat", "Warm"}),
    ],
)
def test_wordings_vary_by_seed_and_all_come_up(deed: str, words: set[str]):
    assert {write_plan((deed,), "house", seed).split()[0] for seed in range(40)} == words


def test_the_same_seed_writes_the_same_plan():
    plans = [write_plan(WALKTHROUGH, "house", "game-1") for _ in range(2)]
    assert plans[0] == plans[1]
    assert len({write_plan(WALKTHROUGH, "house", seed) for seed in range(20)}) > 5
