"""How often the same problem is answered alike, and rightly, when it is answered n times. Pure functions; knows no table and no file.

Source: self-consistency is Wang et al. 2023 (arXiv 2203.11171); DiffMAS (arXiv 2604.21794) counts how many problems are answered rightly
in 3 or 4 of the sampled runs.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import eq
from statistics import fmean

from interlat.evaluation.answers import GraderNotFound, same_mathematics, same_number, same_text
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.problem_environment import WRONG
from interlat.evaluation.statistics import wilson_interval

_SAME: Mapping[str, Callable[[str, str], bool]] = {
    "number": same_number,
    "text": same_text,
    "mathematics": same_mathematics,
    "letter": eq,
}


@dataclass(frozen=True)
class Majority:
    """What came of taking, for each problem, the answer that most of its runs give.

    Answers are compared as the benchmark's grader compares them. Of answers given equally often, the one given first counts. A run that
    gave no answer has no vote, and agrees with nobody.

    Args:
        accuracy: share of problems whose majority answer is right.
        ci95: its Wilson interval, problems as the sample.
        agreement: mean over problems of the share of runs that give the majority answer.
    """

    accuracy: float
    ci95: tuple[float, float]
    agreement: float


@dataclass(frozen=True)
class SelfConsistency:
    """What several answers to each problem have in common.

    Args:
        runs: n, answers to each problem.
        problems: how many were answered in all runs; others are left out.
        right_counts: of these, how many were answered rightly in 0, 1, ..., n runs.
        nearly_always: share of problems answered rightly in at least n − 1 runs.
        ci95: its Wilson interval, problems as the sample.
        majority: None where answers cannot be compared: programs, answers kept by a version that did not say how they are compared, or
            mathematics without math-verify.
    """

    runs: int
    problems: int
    right_counts: tuple[int, ...]
    nearly_always: float
    ci95: tuple[float, float]
    majority: Majority | None


def self_consistency(records: Sequence[EpisodeRecord]) -> SelfConsistency | None:
    """Compare the answers that each problem got in several runs.

    Args:
        records: of one condition.

    Returns:
        None where there are fewer than two runs, or no problem was answered in all of them yet.
    """
    runs = len({record.run for record in records})
    by_problem: defaultdict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.run):
        by_problem[record.game_id].append(record)
    whole = [answers for answers in by_problem.values() if len(answers) == runs]
    if runs < 2 or not whole:
        return None
    right = [sum(answer.won for answer in answers) for answers in whole]
    nearly_always = sum(count >= runs - 1 for count in right)
    return SelfConsistency(
        runs=runs,
        problems=len(whole),
        right_counts=tuple(right.count(count) for count in range(runs + 1)),
        nearly_always=nearly_always / len(whole),
        ci95=wilson_interval(nearly_always, len(whole)),
        majority=_majority(whole),
    )


def _majority(problems: Sequence[Sequence[EpisodeRecord]]) -> Majority | None:
    if any(answer.grading not in _SAME for answers in problems for answer in answers):
        return None
    try:
        largest = [max(_alike(answers), key=len, default=[]) for answers in problems]  # of equals, max takes the first
    except GraderNotFound:
        return None
    right = sum(bool(answers) and answers[0].won for answers in largest)
    return Majority(
        accuracy=right / len(problems),
        ci95=wilson_interval(right, len(problems)),
        agreement=fmean(len(same) / len(answers) for same, answers in zip(largest, problems, strict=True)),
    )


def _alike(answers: Sequence[EpisodeRecord]) -> list[list[EpisodeRecord]]:
    """Answers in groups of equal ones, the group that was begun first in front; each is compared with a group's first."""
    groups: list[list[EpisodeRecord]] = []
    for answer in answers:
        if answer.invalid_actions:
            continue
        group = next((group for group in groups if _same(answer, group[0])), None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    return groups


def _same(one: EpisodeRecord, other: EpisodeRecord) -> bool:
    """The grader has found all right answers equal to the right one, and no wrong one."""
    if one.won or other.won:
        return one.won and other.won
    read = (record.observations[-1].removeprefix(WRONG) for record in (one, other))
    return _compared(one.grading, *read)


@lru_cache(maxsize=10_000)  # tables and results ask the same; a comparison of mathematics may take a process seconds
def _compared(grading: str, answer: str, other: str) -> bool:
    return _SAME[grading](answer, other)
