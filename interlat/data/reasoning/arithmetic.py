"""Procedural arithmetic: who has how many, told out of order. For tests, and for anyone without data; knows no model.

A problem of level n takes n calculations, each on what the one before gave:

    Some friends count marbles. Eva has 3 more marbles than Tom. Kim has twice as many marbles as Eva. Tom has 4 marbles.
    Max has 2 fewer marbles than Eva. How many marbles does Kim have?

Facts come in any order and some lead nowhere, so the work is to see which to use and when. That is what the plan says
("Start with Tom. After Tom find Eva. After Eva find Kim."), without a number and without the answer. A solution takes one step of the
plan after another and says what it looks up, so that a tiny model can follow a plan by copying and calculates one thing at a time.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count as counting

from interlat.data.games import Split
from interlat.data.reasoning.problem import Problem

LEVELS = (1, 2, 3, 4, 5)
LARGEST = 30  # of anything that anybody has
# fmt: off
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Jon", "Kim", "Leo",
         "Mia", "Ned", "Olga", "Paul", "Rita", "Sam", "Tom", "Uma", "Vera", "Will", "Yara", "Zoe")  # codespell:ignore ned
# fmt: on
THINGS = ("apples", "books", "coins", "marbles", "pens", "shells", "stamps", "stones")
_TIMES = {2: "twice", 3: "three times"}
# Which tenths of all chains of calculations belong to a split. A chain is in one split only, whatever the seed.
_TENTHS: dict[Split, range] = {"train": range(2, 10), "seen": range(1, 2), "unseen": range(1)}


@dataclass(frozen=True)
class _Fact:
    """What is told of one person: ``Eva has 3 more than Tom``, who has 4, is ``_Fact("Eva", "+", "Tom", 3, 7)``.

    Args:
        name: of the person.
        kind: "=" has a number of things; "+", "-", "*" more, fewer, times as many as another.
        of: the other; empty for "=".
        number: in the fact.
        value: how many the person has.
    """

    name: str
    kind: str
    of: str
    number: int
    value: int


def arithmetic_problems(
    split: Split, count: int, seed: int = 0, levels: Sequence[int] = LEVELS, answer_tokens: int = 160
) -> list[Problem]:
    """The first ``count`` problems of a split, their levels taken in turn.

    Args:
        split: no chain of calculations of one split (kinds and numbers, in order) occurs in another, whatever the seeds.
        count: how many.
        seed: of the draw; the problems of a smaller count are the first of a larger one.
        levels: of difficulty, each the number of calculations.
        answer_tokens: most tokens that an answer may have.
    """
    problems: list[Problem] = []
    told: set[str] = set()
    draws = counting()
    while len(problems) < count:
        level = levels[len(problems) % len(levels)]
        number = next(draws)
        rng = random.Random(f"arithmetic/{seed}/{split}/{number}")
        chain, others = _draw(rng, level)
        thing = rng.choice(THINGS)
        question = _question(rng, thing, chain, others)
        if _tenth(chain) not in _TENTHS[split] or question in told:
            continue
        told.add(question)
        problems.append(
            Problem(
                game_id=f"arithmetic/{seed}/{split}/{number}",
                task_type=f"level {level}",
                question=question,
                solution=_solution(thing, chain),
                answer=str(chain[-1].value),
                grading="number",
                plan=_plan(chain),
                answer_tokens=answer_tokens,
            )
        )
    return problems


def _draw(rng: random.Random, level: int) -> tuple[list[_Fact], list[_Fact]]:
    """The facts that lead to the answer, in the order of calculation, and facts that lead nowhere."""
    names = iter(rng.sample(NAMES, len(NAMES)))
    start = rng.randint(2, 9)
    chain = [_Fact(next(names), "=", "", start, start)]
    for _ in range(level):
        chain.append(_step(rng, next(names), chain[-1]))
    others = [_step(rng, next(names), rng.choice(chain)) for _ in range(1 + level // 2)]
    return chain, others


def _step(rng: random.Random, name: str, of: _Fact) -> _Fact:
    """Somebody who has more, fewer or times as many as another."""
    possible = {
        "+": range(1, min(9, LARGEST - of.value) + 1),
        "-": range(1, min(9, of.value - 1) + 1),
        "*": [factor for factor in _TIMES if of.value * factor <= LARGEST],
    }
    kind = rng.choice([kind for kind, numbers in possible.items() if numbers])
    number = rng.choice(possible[kind])
    value = {"+": of.value + number, "-": of.value - number, "*": of.value * number}[kind]
    return _Fact(name, kind, of.name, number, value)


def _question(rng: random.Random, thing: str, chain: Sequence[_Fact], others: Sequence[_Fact]) -> str:
    facts = [f"{_told(fact, thing)}." for fact in (*chain, *others)]
    rng.shuffle(facts)
    return f"Some friends count {thing}. {' '.join(facts)} How many {thing} does {chain[-1].name} have?"


def _told(fact: _Fact, thing: str) -> str:
    match fact.kind:
        case "=":
            return f"{fact.name} has {fact.number} {thing}"
        case "+":
            return f"{fact.name} has {fact.number} more {thing} than {fact.of}"
        case "-":
            return f"{fact.name} has {fact.number} fewer {thing} than {fact.of}"
    return f"{fact.name} has {_TIMES[fact.number]} as many {thing} as {fact.of}"


def _plan(chain: Sequence[_Fact]) -> tuple[str, ...]:
    """Who comes after whom: no number, no calculation, no answer."""
    first, *rest = chain
    return (f"Start with {first.name}.", *(f"After {fact.of} find {fact.name}." for fact in rest))


def _solution(thing: str, chain: Sequence[_Fact]) -> str:
    values = {fact.name: fact.value for fact in chain}
    lines = []
    for step, fact in zip(_plan(chain), chain, strict=True):
        line = f"{step.removesuffix('.')}: {_told(fact, thing)}"
        if fact.of:
            line += f", who has {values[fact.of]}, so {fact.name} has {fact.value}"
        lines.append(f"{line}.")
    return f"{' '.join(lines)} The answer is \\boxed{{{chain[-1].value}}}."


def _tenth(chain: Sequence[_Fact]) -> int:
    """Which tenth of all chains this one falls into; names and things play no part in it."""
    text = ";".join(f"{fact.kind}{fact.number}" for fact in chain)
    return hashlib.sha256(text.encode()).digest()[0] % 10
