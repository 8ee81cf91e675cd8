"""Tasks of the package reasoning-gym, with splits: any number of problems, made on the spot. Knows no grader and no model.

Of its hundred tasks these have one right answer, in one line, which is what a comparison of texts can grade; the others come with a program
that scores answers. See https://github.com/open-thought/reasoning-gym.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from interlat.data.games import Split
from interlat.data.reasoning.problem import Problem
from interlat.errors import InterlatError, InvalidSetting

# fmt: off
GYM_TASKS = (
    "aiw", "base_conversion", "basic_arithmetic", "binary_alternation", "caesar_cipher", "chain_sum", "count_bits", "count_primes",
    "course_schedule", "gcd", "isomorphic_strings", "largest_island", "lcm", "leg_counting", "letter_counting", "maze", "number_sequence",
    "products", "ransom_note", "rotten_oranges", "simple_equations", "simple_geometry", "string_manipulation", "syllogism",
    "word_sequence_reversal",
)
# fmt: on
DEFAULT_TASKS = ("chain_sum", "leg_counting", "letter_counting", "simple_equations", "syllogism")
_MOST_DRAWS = 200  # in vain, before a task counts as exhausted
# Which tenths of all questions belong to a split. A question is in one split only, whatever the seed.
_TENTHS: dict[Split, range] = {"train": range(2, 10), "seen": range(1, 2), "unseen": range(1)}


class ReasoningGymNotFound(InterlatError, ImportError):  # noqa: N818  # named after what is wrong, as all errors here
    """Raised when its tasks are asked for and the package is not installed."""


def gym_problems(
    split: Split, count: int, tasks: Sequence[str] = DEFAULT_TASKS, seed: int = 0, answer_tokens: int = 512
) -> list[Problem]:
    """The first ``count`` problems of a split, the tasks taken in turn.

    Args:
        split: no question of one split occurs in another, whatever the seeds.
        count: how many.
        tasks: some of ``GYM_TASKS``.
        seed: of the draw; the problems of a smaller count are the first of a larger one.
        answer_tokens: most tokens that an answer may have.

    Raises:
        ReasoningGymNotFound: if the package is not installed.
        InvalidSetting: if a task is none of these, or has too few different questions.
    """
    streams = [_problems(task, split, seed, answer_tokens) for task in tasks]
    return [next(streams[number % len(streams)]) for number in range(count)]


def require_tasks(tasks: Sequence[str]) -> None:
    """Raise ``InvalidSetting`` unless all of these are tasks that can be graded here."""
    unknown = [task for task in tasks if task not in GYM_TASKS]
    if unknown or not tasks:
        raise InvalidSetting(f"tasks must be some of {', '.join(GYM_TASKS)}; got {', '.join(unknown) or 'none'}")


def drawn_questions(
    task: str, split: Split, seed: int, settings: Mapping[str, object] | None = None
) -> Iterator[tuple[int, str, str]]:
    """Different questions of one task and one split, without end: number of the draw, question, answer.

    Args:
        task: as reasoning-gym calls it.
        split: no question of one split occurs in another, whatever the seeds.
        seed: of the draw.
        settings: of the task's generator, where not its own.

    Raises:
        ReasoningGymNotFound: if the package is not installed.
        InvalidSetting: once the task has no more questions.
    """
    try:
        from reasoning_gym import create_dataset  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise ReasoningGymNotFound(
            "tasks of reasoning-gym are asked for, and the package is not installed; run: pip install 'interlat[reasoning]', "
            "or take --env arithmetic"
        ) from error
    drawn = create_dataset(task, seed=seed, size=2**31, **(settings or {}))
    told: set[str] = set()
    number, in_vain = 0, 0
    while in_vain < _MOST_DRAWS:
        row = drawn[number]
        number, in_vain = number + 1, in_vain + 1
        question = str(row["question"]).strip()
        if question in told or _tenth(question) not in _TENTHS[split]:
            continue
        told.add(question)
        in_vain = 0
        yield number - 1, question, str(row["answer"]).strip()
    raise InvalidSetting(
        f"reasoning-gym's {task} has no more than {len(told)} different questions in split {split}; ask for fewer problems, or other tasks"
    )


def _problems(task: str, split: Split, seed: int, answer_tokens: int) -> Iterator[Problem]:
    for number, question, answer in drawn_questions(task, split, seed):
        yield Problem(
            game_id=f"reasoning-gym/{task}/{seed}/{number}",
            task_type=task,
            question=question,
            solution="",
            answer=answer,
            grading="text",
            answer_tokens=answer_tokens,
        )


def _tenth(question: str) -> int:
    return hashlib.sha256(question.encode()).digest()[0] % 10
