"""Tasks of reasoning-gym dealt out to two agents or three, so that none can answer without the others. Knows no agent and no model.

    task             the first agent sees                     the last agent sees
    leg_counting     the first half of the animals            the question, with the other half
    aiw              who has how many sisters or friends      whose sisters or friends are counted
    needle_haystack  who feels what about what                whom it asks for
    leg_counting_3   one animal; the second agent another     the question, with the third

Parts are pieces of the question, word for word, and hold all of it together. What the last part leaves open decides the answer, which sets
these tasks apart from others that seem to fit: the second premise and the conclusion of a ``syllogism`` often settle it. Generators are set
to small sizes, which agents of a million weights learn.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from interlat.data.games import Split
from interlat.data.reasoning.problem import Problem
from interlat.data.reasoning.procedural import drawn_questions
from interlat.errors import InvalidSetting

SPLIT_VERSION = (
    1  # raised when splitting or a generator's settings change, so that what was made of these problems is made anew
)
_ANIMALS = {  # singular, by legs, as reasoning-gym counts them
    0: ("snake", "sea slug", "jellyfish", "flatworm", "leech"),
    2: ("chicken", "bird", "human", "duck"),
    4: ("dog", "cat", "cow", "horse", "lion", "elephant", "giraffe", "tiger", "deer", "sheep"),
    5: ("starfish",),
    6: (
        *("insect", "ant", "butterfly", "beetle", "bee", "wasp", "grasshopper"),
        *("cricket", "cockroach", "praying mantis", "firefly"),
    ),
    8: ("spider", "scorpion"),
    10: ("crab", "lobster", "shrimp"),
    14: ("woodlouse",),
}
LEGS = {animal: legs for legs, animals in _ANIMALS.items() for animal in animals}
DEFAULT_SPLIT_TASKS = ("leg_counting", "aiw")
THREE_AGENT_TASKS = ("leg_counting_3",)
_LEG_QUESTION = re.compile(r"(?P<asked>.*\bif you have) (?P<animals>[^?]*)\?", re.DOTALL)
_WOMEN = re.compile(r"(\d+) (?:sisters|female)")


@dataclass(frozen=True)
class Dealt:
    """A question as it is dealt out.

    Args:
        parts: what each agent sees, the one who answers last.
        told: what each agent before the last can say: all it knows, worked out as far as it can be.
        solution: what the last agent writes once it knows everything.
    """

    parts: tuple[str, ...]
    told: tuple[str, ...]
    solution: str


@dataclass(frozen=True)
class SplitTask:
    """How a task of reasoning-gym is made and dealt out.

    Args:
        generator: as reasoning-gym calls it.
        settings: of its generator.
        deal: from question and answer to parts; None where a question has more than one right answer.
    """

    generator: str
    settings: Mapping[str, object]
    deal: Callable[[str, str], Dealt | None]


def deal_needle(question: str, answer: str) -> Dealt | None:
    """``Ann likes tea. Bob hates rain. / Who hates rain? …``: statements to the first agent, the question to the last."""
    known, _, asked = (piece.strip() for piece in question.partition("\n"))
    wanted = asked.removeprefix("Who ").partition("?")[0]
    fitting = [who for who, _, what in (each.partition(" ") for each in _sentences(known)) if what == wanted]
    if fitting != [answer]:
        return None
    return Dealt((known, asked), (f"I know: {known}",), f"The answer is {answer}.")


def deal_legs(question: str, answer: str) -> Dealt | None:
    """``… how many legs … if you have 3 dogs, 2 bees?``: the first half of the animals to the first agent, the rest to the last.

    Raises:
        InvalidSetting: if the question is not one of this task.
    """
    asked, animals = _asked_and_animals(question)
    half = len(animals) // 2
    first, last = animals[:half], animals[half:]
    steps = [f"{animal}: {_legs(animal)} legs." for animal in animals]
    return Dealt(
        (f"{', '.join(first)}.", f"{asked} {', '.join(last)}?"),
        (f"I know: {' '.join(steps[:half])}",),
        f"{' '.join(steps)} The answer is {answer}.",
    )


def deal_legs_singly(question: str, answer: str) -> Dealt | None:
    """The same with one animal for each agent, as many agents as animals; the solution adds them up one by one.

    Raises:
        InvalidSetting: if the question is not one of this task.
    """
    asked, animals = _asked_and_animals(question)
    *known, last = animals
    sums = list(accumulate(map(_legs, animals)))
    steps = [f"{animal}: {_legs(animal)} legs, {so_far} so far." for animal, so_far in zip(animals, sums, strict=True)]
    return Dealt(
        (*(f"{animal}." for animal in known), f"{asked} {last}?"),
        tuple(f"I know: {animal}: {_legs(animal)} legs." for animal in known),
        f"{' '.join(steps)} The answer is {answer}.",
    )


def deal_aiw(question: str, answer: str) -> Dealt | None:
    """``Ann has 3 sisters and she also has 2 brothers. How many sisters does Ann's brother have?``: facts first, the question last.

    Facts alone ask for nothing, though whoever knows the generator knows that it always asks for women.

    Raises:
        InvalidSetting: if the question is not one of this task.
    """
    known, asks, asked = question.partition(" How many ")
    women = _WOMEN.search(known)
    if not asks or women is None:
        raise InvalidSetting(f"wanted a question of aiw, with facts before 'How many', got {question!r}")
    solution = f"{women[1]} and {known.split()[0]}. The answer is {answer}."
    return Dealt((known, f"{asks.strip()} {asked}"), (f"I know: {known}",), solution)


def _animals(number: int) -> dict[str, object]:
    return {"min_animals": number, "max_animals": number, "min_instances": 1, "max_instances": 3}


SPLIT_TASKS: Mapping[str, SplitTask] = {
    "leg_counting": SplitTask("leg_counting", _animals(2), deal_legs),
    # Siblings and friends; not the long one of colleagues.
    "aiw": SplitTask("aiw", {"task_type_weights": [0.5, 0.5, 0.0]}, deal_aiw),
    "needle_haystack": SplitTask("needle_haystack", {"min_num_statements": 3, "max_num_statements": 5}, deal_needle),
    "leg_counting_3": SplitTask("leg_counting", _animals(3), deal_legs_singly),
}


def split_problems(
    split: Split, count: int, tasks: Sequence[str] = DEFAULT_SPLIT_TASKS, seed: int = 0, answer_tokens: int = 64
) -> list[Problem]:
    """The first ``count`` problems of a split, the tasks taken in turn.

    Args:
        split: no question of one split occurs in another, whatever the seeds.
        count: how many.
        tasks: some of ``SPLIT_TASKS``.
        seed: of the draw; the problems of a smaller count are the first of a larger one.
        answer_tokens: most tokens that an answer may have.

    Raises:
        ReasoningGymNotFound: if the package is not installed.
        InvalidSetting: if a task is none of these, or has too few different questions.
    """
    require_split_tasks(tasks)
    streams = [_problems(task, split, seed, answer_tokens) for task in tasks]
    return [next(streams[number % len(streams)]) for number in range(count)]


def require_split_tasks(tasks: Sequence[str]) -> None:
    """Raise ``InvalidSetting`` unless all of these are tasks that can be split."""
    unknown = [task for task in tasks if task not in SPLIT_TASKS]
    if unknown or not tasks:
        raise InvalidSetting(f"tasks must be some of {', '.join(SPLIT_TASKS)}; got {', '.join(unknown) or 'none'}")


def _problems(task: str, split: Split, seed: int, answer_tokens: int) -> Iterator[Problem]:
    of = SPLIT_TASKS[task]
    for number, question, answer in drawn_questions(of.generator, split, seed, of.settings):
        dealt = of.deal(question, answer)
        if dealt is not None:
            yield Problem(
                game_id=f"reasoning-gym-split/{task}/{seed}/{number}",
                task_type=task,
                question=question,
                solution=dealt.solution,
                answer=answer,
                grading="text",
                plan=dealt.told,
                answer_tokens=answer_tokens,
                parts=dealt.parts,
            )


def _sentences(text: str) -> list[str]:
    return text.removesuffix(".").split(". ")


def _asked_and_animals(question: str) -> tuple[str, list[str]]:
    found = _LEG_QUESTION.fullmatch(question)
    animals = found["animals"].split(", ") if found else []
    if found is None or len(animals) < 2:
        raise InvalidSetting(f"wanted a question of leg_counting about at least 2 animals, got {question!r}")
    return found["asked"], animals


def _legs(animals: str) -> int:
    """Of ``3 dogs``: 12."""
    number, _, name = animals.partition(" ")
    return int(number) * LEGS[name if number == "1" else name.removesuffix("s")]
