import json
import re

import pytest

from alfworld_env.games import data_root
from alfworld_env.task_sentence import Assignment, parse_task

DEED_OF_FOLDER = {
    "pick_and_place_simple": "place",
    "look_at_obj_in_light": "look",
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
    "pick_two_obj_and_place": "two",
}


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("put a pen in desk.", Assignment("place", "pen", "desk")),
        ("put some vase on safe.", Assignment("place", "vase", "safe")),
        ("put an egg in microwave", Assignment("place", "egg", "microwave")),
        ("put two soapbar in garbagecan.", Assignment("two", "soapbar", "garbagecan")),
        ("find two cd and put them in drawer.", Assignment("two", "cd", "drawer")),
        ("put a clean mug in coffeemachine.", Assignment("clean", "mug", "coffeemachine")),
        ("clean some cloth and put it in countertop.", Assignment("clean", "cloth", "countertop")),
        ("put a hot apple in fridge.", Assignment("heat", "apple", "fridge")),
        ("heat some egg and put it in diningtable.", Assignment("heat", "egg", "diningtable")),
        ("put a cool pot in stoveburner.", Assignment("cool", "pot", "stoveburner")),
        ("cool some bread and put it in countertop.", Assignment("cool", "bread", "countertop")),
        ("look at bowl under the desklamp.", Assignment("look", "bowl", "desklamp")),
        ("examine the book with the desklamp.\n", Assignment("look", "book", "desklamp")),
    ],
)
def test_each_form_is_read(sentence, wanted):
    assert parse_task(sentence) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "put",
        "slice an apple.",
        "put a very hot mug in fridge.",
        "put a hot mug in fridge and then sing.",
        "do not put a hot mug in fridge.",
        "Put a hot mug in fridge.",
        "put a mug 1 in fridge 1.",
        "find three cd and put them in drawer.",
    ],
)
def test_foreign_text_is_refused_with_an_example(text):
    with pytest.raises(
        ValueError, match=r"wanted a task sentence in one of ALFWorld's forms, such as 'put a hot mug"
    ) as refusal:
        parse_task(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.alfworld
def test_every_published_task_is_read_as_its_folder_names_it():
    paths = sorted(data_root().glob("*/*/*/game.tw-pddl"))
    for path in paths:
        kind, thing, _, target, _ = path.parent.parent.name.split("-")
        if kind not in DEED_OF_FOLDER:  # tasks with a movable receptacle are no games here
            continue
        grammar = json.loads(path.read_text(encoding="utf-8"))["grammar"]
        sentence = re.search(r'Your task is to: (.*?)"', grammar).group(1)
        assert parse_task(sentence) == Assignment(DEED_OF_FOLDER[kind], thing.lower(), target.lower()), path
    assert len(paths) >= 134
