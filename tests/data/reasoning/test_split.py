"""Questions that are dealt out: nothing is lost, and the part that is asked does not have the answer.

What splitting does is tested on written-out questions; what reasoning-gym draws is tested where it is installed.
"""

import re
from collections import defaultdict

import pytest

from interlat.data.reasoning import SPLIT_TASKS, Problem, SplitReasoningGym, problems_named, split_problems
from interlat.data.reasoning.split import LEGS, Dealt, deal_aiw, deal_legs, deal_legs_singly, deal_needle
from interlat.errors import InvalidSetting
from interlat.evaluation.answers import grade

ASKED = "Who hates off-road vehicles? Reply only with a name."
LEG_TEXT = (
    "Your task is to count how many legs there are in total when given a list of animals.\n\n"
    "Now, how many legs are there in total if you have"
)
DRAWN = 3000


def test_statements_go_to_the_first_agent_and_the_question_to_the_last():
    known = "A-Jay dotes rain. Bob hates off-road vehicles. Bob dotes on rain."
    assert deal_needle(f"{known} \n{ASKED}", "Bob") == Dealt(
        (known, ASKED), (f"I know: {known}",), "The answer is Bob."
    )


def test_a_question_that_two_fit_is_not_asked():
    two = f"Ann hates off-road vehicles. Bob hates off-road vehicles. \n{ASKED}"
    assert deal_needle(two, "Bob") is None
    # The same words at the end of another statement are another feeling.
    assert deal_needle("Ann approves of tea. Bob disapproves of tea. \nWho approves of tea? Reply.", "Ann") is not None


def test_animals_are_dealt_out_by_halves():
    dealt = deal_legs(f"{LEG_TEXT} 2 praying mantiss, 1 dog, 3 sea slugs, 1 praying mantis, 4 deers?", "38")
    assert dealt == Dealt(
        ("2 praying mantiss, 1 dog.", f"{LEG_TEXT} 3 sea slugs, 1 praying mantis, 4 deers?"),
        ("I know: 2 praying mantiss: 12 legs. 1 dog: 4 legs.",),
        "2 praying mantiss: 12 legs. 1 dog: 4 legs. 3 sea slugs: 0 legs. 1 praying mantis: 6 legs. 4 deers: 16 legs. The answer is 38.",
    )


@pytest.mark.parametrize(
    ("known", "asked", "women"),
    [
        ("Ann has 4 brothers and she also has 2 sisters.", "How many sisters does Ann's brother have?", 2),
        (
            "Ann has 5 male friends and she also has 1 female friends. They all.",
            "How many female friends does Bob have?",
            1,
        ),
        ("Ann has 3 male colleagues and 6 female colleagues. Bob has 1 female colleagues.", "How many has Matilda?", 6),
    ],
)
def test_facts_go_to_the_first_agent_and_what_is_asked_of_them_to_the_last(known: str, asked: str, women: int):
    dealt = deal_aiw(f"{known} {asked}", str(women + 1))
    assert dealt == Dealt((known, asked), (f"I know: {known}",), f"{women} and Ann. The answer is {women + 1}.")


@pytest.mark.parametrize("question", ["How many sisters has Ann?", "Ann has 2 brothers. How many sisters has Ann?"])
def test_what_is_no_question_of_its_task_is_refused(question: str):
    with pytest.raises(InvalidSetting, match="wanted a question of aiw"):
        deal_aiw(question, "3")


@pytest.mark.parametrize("question", [f"{LEG_TEXT} 3 dogs?", "How many legs has a dog?"])
def test_what_cannot_be_halved_is_refused(question: str):
    with pytest.raises(InvalidSetting, match="about at least 2 animals"):
        deal_legs(question, "12")


def test_animals_are_dealt_out_one_by_one_and_added_up():
    dealt = deal_legs_singly(f"{LEG_TEXT} 2 bees, 1 dog, 3 sea slugs?", "16")
    assert dealt == Dealt(
        ("2 bees.", "1 dog.", f"{LEG_TEXT} 3 sea slugs?"),
        ("I know: 2 bees: 12 legs.", "I know: 1 dog: 4 legs."),
        "2 bees: 12 legs, 12 so far. 1 dog: 4 legs, 16 so far. 3 sea slugs: 0 legs, 16 so far. The answer is 16.",
    )


def test_tasks_that_are_not_split_are_refused():
    for tasks in (("syllogism",), (), ("leg_counting", "no such")):
        with pytest.raises(
            InvalidSetting, match="tasks must be some of leg_counting, aiw, needle_haystack, leg_counting_3; got"
        ):
            SplitReasoningGym(tasks)


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Problem]]:
    pytest.importorskip("reasoning_gym", reason="no reasoning-gym: pip install 'interlat[reasoning]'")
    return {task: split_problems("train", DRAWN, (task,)) for task in SPLIT_TASKS}


def test_parts_together_are_the_question_word_for_word(drawn: dict[str, list[Problem]]):
    for problem in drawn["needle_haystack"]:
        known, asked = problem.parts
        assert f"{known} \n{asked}" == problem.question
        assert 3 <= known.count(". ") + 1 <= 5
    for problem in drawn["aiw"]:
        assert " ".join(problem.parts) == problem.question
    for problem in drawn["leg_counting"]:
        had, asked = problem.parts
        assert asked.replace("if you have ", f"if you have {had.removesuffix('.')}, ") == problem.question
    for problem in drawn["leg_counting_3"]:
        *had, asked = problem.parts
        told = "".join(f"{each.removesuffix('.')}, " for each in had)
        assert asked.replace("if you have ", f"if you have {told}") == problem.question


def test_solutions_are_right_and_what_is_told_is_all_the_first_agent_knows(drawn: dict[str, list[Problem]]):
    for problem in (problem for problems in drawn.values() for problem in problems):
        assert grade(problem.walkthrough[0], problem.answer, problem.grading).correct
    for problem in (*drawn["needle_haystack"], *drawn["aiw"]):
        assert problem.plan == (f"I know: {problem.parts[0]}",)
    for problem in (*drawn["leg_counting"], *drawn["leg_counting_3"]):
        steps = re.findall(r"(\d+ [a-z ]+): (\d+) legs", problem.solution)
        assert sum(int(legs) for _, legs in steps) == int(problem.answer)
        *before, last = steps
        assert problem.plan == tuple(f"I know: {animals}: {legs} legs." for animals, legs in before)
        assert problem.parts[:-1] == tuple(f"{animals}." for animals, _ in before)
        assert problem.parts[-1].endswith(f" {last[0]}?")


def test_the_last_part_does_not_have_the_answer(drawn: dict[str, list[Problem]]):
    """Neither the name that is wanted, nor a number of women, nor an animal of the first part."""
    for problem in drawn["needle_haystack"]:
        known, asked = problem.parts
        assert problem.answer not in asked.split()
        assert len({statement.partition(" ")[0] for statement in known.split(". ")}) >= 2
    for problem in drawn["aiw"]:
        assert not re.search(r"\d", problem.parts[1])
    for problem in drawn["leg_counting"]:
        first, last = (set(re.findall(r"\d+ ([a-z ]+?)s?\b", part)) for part in problem.parts)
        assert len(first) == 1 == len(last)
        assert first != last


@pytest.mark.parametrize(("task", "place"), [("leg_counting", 0), ("leg_counting", 1), ("aiw", 1)])
def test_one_part_is_found_with_different_answers(drawn: dict[str, list[Problem]], task: str, place: int):
    """Of tasks with few enough parts for them to come again: the same part, and another answer with another part."""
    answers = defaultdict(list)
    for problem in drawn[task]:
        answers[problem.parts[place]].append(problem.answer)
    again = [each for each in answers.values() if len(each) > 4]
    assert len(again) > 100
    assert all(len(set(each)) > 1 for each in again)


def test_the_same_question_about_other_statements_has_another_answer(drawn: dict[str, list[Problem]]):
    """Of needle_haystack, by the splitting itself: names change places, the question stays."""
    for problem in drawn["needle_haystack"][:300]:
        known, asked = problem.parts
        names = [statement.partition(" ")[0] for statement in known.split(". ")]
        other = next(name for name in names if name != problem.answer)
        turned = {problem.answer: other, other: problem.answer}
        told = [statement.partition(" ") for statement in known.split(". ")]
        text = ". ".join(f"{turned.get(name, name)} {what}" for name, _, what in told)
        dealt = deal_needle(f"{text} \n{asked}", other)
        assert dealt is not None
        assert dealt.parts[1] == asked
        assert dealt.solution == f"The answer is {other}."


def test_splits_share_no_question_and_a_seed_makes_the_same_problems(drawn: dict[str, list[Problem]]):
    for task, train in drawn.items():
        questions = {problem.question for problem in train}
        assert len(questions) == DRAWN
        seen, unseen = (split_problems(split, 200, (task,), seed=3) for split in ("seen", "unseen"))
        others = {problem.question for problem in (*seen, *unseen)}
        assert len(others) == 400
        assert not questions & others
        assert split_problems("train", 20, (task,)) == train[:20]


def test_legs_are_counted_as_the_package_counts_them(drawn: dict[str, list[Problem]]):
    from reasoning_gym.arithmetic.leg_counting import ANIMALS

    assert LEGS == ANIMALS


def test_the_source_is_named_like_a_benchmark_and_its_tasks_take_turns():
    pytest.importorskip("reasoning_gym", reason="no reasoning-gym: pip install 'interlat[reasoning]'")
    source = problems_named("reasoning-gym-split")
    assert isinstance(source, SplitReasoningGym)
    assert [problem.task_type for problem in source.games("unseen", 4)] == ["leg_counting", "aiw"] * 2
    assert source.identity() != SplitReasoningGym(seed=1).identity()
    assert source.identity() != SplitReasoningGym(("leg_counting",)).identity()
    assert source.identity()["version"] != "not installed"
