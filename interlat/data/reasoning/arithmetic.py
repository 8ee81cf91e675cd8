"""Procedural arithmetic: who has how many, told out of order. For tests, and for anyone without data; knows no model.

A problem of level n takes n calculations, each on what an earlier one gave:

    Eva has 3 more marbles than Tom. Kim has twice as many marbles as Eva. Tom has 4 marbles. Max has 2 fewer marbles than Eva.
    How many marbles does Kim have?

Facts come in any order and some lead nowhere, so the work is to see which to use and when. That is what the plan says
("Start with Tom. Then find Eva from Tom. ..."), without a number and without the answer.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as counting

from interlat.data.games import Split
from interlat.data.reasoning.problem import Problem

LEVELS = (1, 2, 3, 4, 5)
LARGEST = 50  # of anything that anybody has
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
    """What is told of one person: ``Bea has 3 more than Ann``, who has 7, is ``_Fact("Bea", "+", ("Ann",), 3, 10)``.

    Args:
        name: of the person.
        kind: "=" has a number of things; "+", "-", "*" more, fewer, times as many as another; "&" as many as two together.
        of: the others.
        number: in the fact; 0 where it has none.
        value: how many the person has.
    """

    name: str
    kind: str
    of: tuple[str, ...]
    number: int
    value: int


def arithmetic_problems(
    split: Split, count: int, seed: int = 0, levels: Sequence[int] = LEVELS, answer_tokens: int = 160
) -> list[Problem]:
    """The first ``count`` problems of a split, their levels taken in turn.

    Args:
        split: no chain of calculations of one split (kinds, numbers and who depends on whom) occurs in another, whatever the seeds.
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
        question = _question(rng, chain, others)
        if _tenth(chain) not in _TENTHS[split] or question in told:
            continue
        told.add(question)
        problems.append(
            Problem(
                game_id=f"arithmetic/{seed}/{split}/{number}",
                task_type=f"level {level}",
                question=question,
                solution=_solution(chain),
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
    start = rng.randint(2, 12)
    chain = [_Fact(next(names), "=", (), start, start)]
    for _ in range(level):
        chain.append(_step(rng, next(names), chain))
    others = [_step(rng, next(names), [rng.choice(chain)]) for _ in range(1 + level // 2)]
    return chain, others


def _step(rng: random.Random, name: str, before: Sequence[_Fact]) -> _Fact:
    """Somebody who has more, fewer or times as many as the last of those before, or as many as the last two together."""
    last = before[-1]
    possible: list[Callable[[], _Fact]] = []
    if last.value + 1 <= LARGEST:
        most = min(9, LARGEST - last.value)
        possible.append(lambda: _fact(name, "+", last, rng.randint(1, most)))
    if last.value > 1:
        fewest = min(9, last.value - 1)
        possible.append(lambda: _fact(name, "-", last, rng.randint(1, fewest)))
    factors = [factor for factor in _TIMES if last.value * factor <= LARGEST]
    if factors:
        possible.append(lambda: _fact(name, "*", last, rng.choice(factors)))
    if len(before) > 1 and last.value + before[-2].value <= LARGEST:
        possible.append(lambda: _Fact(name, "&", (before[-2].name, last.name), 0, before[-2].value + last.value))
    return rng.choice(possible)()


def _fact(name: str, kind: str, of: _Fact, number: int) -> _Fact:
    value = {"+": of.value + number, "-": of.value - number, "*": of.value * number}[kind]
    return _Fact(name, kind, (of.name,), number, value)


def _question(rng: random.Random, chain: Sequence[_Fact], others: Sequence[_Fact]) -> str:
    thing = rng.choice(THINGS)
    facts = [_told(fact, thing) for fact in (*chain, *others)]
    rng.shuffle(facts)
    return f"{' '.join(facts)} How many {thing} does {chain[-1].name} have?"


def _told(fact: _Fact, thing: str) -> str:
    match fact.kind:
        case "=":
            return f"{fact.name} has {fact.number} {thing}."
        case "+":
            return f"{fact.name} has {fact.number} more {thing} than {fact.of[0]}."
        case "-":
            return f"{fact.name} has {fact.number} fewer {thing} than {fact.of[0]}."
        case "*":
            return f"{fact.name} has {_TIMES[fact.number]} as many {thing} as {fact.of[0]}."
    return f"{fact.name} has as many {thing} as {fact.of[0]} and {fact.of[1]} together."


def _plan(chain: Sequence[_Fact]) -> tuple[str, ...]:
    """Who comes after whom: no number, no calculation, no answer."""
    first, *rest = chain
    return (f"Start with {first.name}.", *(f"Then find {fact.name} from {' and '.join(fact.of)}." for fact in rest))


def _solution(chain: Sequence[_Fact]) -> str:
    return f"{' '.join(_worked(chain))} The answer is \\boxed{{{chain[-1].value}}}."


def _worked(chain: Sequence[_Fact]) -> Iterator[str]:
    values = {fact.name: fact.value for fact in chain}
    for fact in chain:
        if fact.kind == "=":
            yield f"{fact.name}: {fact.value}."
        elif fact.kind == "&":
            yield f"{fact.name}: {values[fact.of[0]]} + {values[fact.of[1]]} = {fact.value}."
        else:
            yield f"{fact.name}: {values[fact.of[0]]} {fact.kind} {fact.number} = {fact.value}."


def _tenth(chain: Sequence[_Fact]) -> int:
    """Which tenth of all chains this one falls into; names and things play no part in it."""
    places = {fact.name: place for place, fact in enumerate(chain)}
    text = ";".join(f"{fact.kind}{fact.number}{[places[name] for name in fact.of]}" for fact in chain)
    return hashlib.sha256(text.encode()).digest()[0] % 10
