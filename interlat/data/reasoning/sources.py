"""Benchmarks as sources of games, so that collection, training and evaluation take problems as they take houses.

Splits are named as everywhere: ``train``; ``unseen``, a benchmark's test problems; and ``seen``, which only those have that are made on
the spot, for validation.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from interlat.data.games import GameSource, Split
from interlat.data.reasoning.arithmetic import LEVELS, arithmetic_problems
from interlat.data.reasoning.benchmarks import BENCHMARKS, Benchmark, BenchmarkName, Part
from interlat.data.reasoning.loading import benchmark_file, rows_of_file, rows_of_hub
from interlat.data.reasoning.problem import Problem
from interlat.data.reasoning.procedural import DEFAULT_TASKS, gym_problems, require_tasks
from interlat.data.reasoning.split import (
    DEFAULT_SPLIT_TASKS,
    SPLIT_VERSION,
    THREE_AGENT_TASKS,
    require_split_tasks,
    split_problems,
)
from interlat.data.trajectories import TaskRecord
from interlat.errors import GameDataNotFound, InvalidSetting

ARITHMETIC_VERSION = 2  # raised when the generator changes, so that what was made of its problems is made anew


class _ProblemSource(GameSource):
    """What all of them share: a problem tells its own record, nobody has to play it."""

    def record(self, games: Sequence[Any], max_explore_steps: int, seed: int) -> Iterator[TaskRecord]:
        """The problems as training needs them."""
        return (problem.record() for problem in games)


class Arithmetic(_ProblemSource):
    """Procedural arithmetic problems: always there, any number.

    Args:
        seed: of the generator.
        levels: how many calculations a problem may take; taken in turn, so that each level has as many problems.
    """

    def __init__(self, seed: int = 0, levels: tuple[int, ...] = LEVELS) -> None:
        if not levels or min(levels) < 1 or max(levels) > max(LEVELS):
            raise InvalidSetting(f"levels must be some of {', '.join(map(str, LEVELS))}, got {levels}")
        self.seed, self.levels = seed, tuple(levels)

    def games(self, split: Split, count: int | None) -> Sequence[Problem]:
        """The first problems of a split; 500 where no number is given, as many as MATH-500 has."""
        return arithmetic_problems(split, 500 if count is None else count, self.seed, self.levels)

    def identity(self) -> dict[str, object]:
        """Seed and levels, and the generator's version."""
        return {"env": "arithmetic", "seed": self.seed, "levels": self.levels, "generator": ARITHMETIC_VERSION}


class ReasoningGym(_ProblemSource):
    """Tasks of reasoning-gym: any number, with the package installed.

    Args:
        tasks: which; taken in turn, so that each has as many problems. Only tasks with one right answer.
        seed: of their generators.
    """

    def __init__(self, tasks: tuple[str, ...] = DEFAULT_TASKS, seed: int = 0) -> None:
        require_tasks(tasks)
        self.tasks, self.seed = tuple(tasks), seed

    def games(self, split: Split, count: int | None) -> Sequence[Problem]:
        """The first problems of a split; 500 where no number is given.

        Raises:
            ReasoningGymNotFound: if the package is not installed.
            InvalidSetting: if a task has too few different questions.
        """
        return gym_problems(split, 500 if count is None else count, self.tasks, self.seed)

    def identity(self) -> dict[str, object]:
        """Tasks and seed, and the package's version: another may make other problems."""
        return {"env": "reasoning-gym", "tasks": self.tasks, "seed": self.seed, "version": _gym_version()}


class SplitReasoningGym(_ProblemSource):
    """Tasks of reasoning-gym of which each agent sees a part: any number, with the package installed.

    Args:
        tasks: which; taken in turn, so that each has as many problems. Some of ``SPLIT_TASKS``.
        seed: of their generators.
    """

    def __init__(self, tasks: tuple[str, ...] = DEFAULT_SPLIT_TASKS, seed: int = 0) -> None:
        require_split_tasks(tasks)
        self.tasks, self.seed = tuple(tasks), seed

    def games(self, split: Split, count: int | None) -> Sequence[Problem]:
        """The first problems of a split; 500 where no number is given.

        Raises:
            ReasoningGymNotFound: if the package is not installed.
            InvalidSetting: if a task has too few different questions.
        """
        return split_problems(split, 500 if count is None else count, self.tasks, self.seed)

    def identity(self) -> dict[str, object]:
        """Tasks and seed, the version of the splitting and that of the package."""
        made = {"version": _gym_version(), "splitting": SPLIT_VERSION}
        return {"env": "reasoning-gym-split", "tasks": self.tasks, "seed": self.seed, **made}


class Problems(_ProblemSource):
    """The problems of a published benchmark.

    Args:
        benchmark: one of those that ``BENCHMARKS`` describes.
        path: its file, or a folder with ``<benchmark>_train.jsonl`` and ``_test.jsonl``; None takes the folder that
            INTERLAT_REASONING names, or the hub.
        seed: shuffles the order, so that the first problems are of all levels and subjects.
    """

    def __init__(self, benchmark: str, path: str | None = None, seed: int = 0) -> None:
        if benchmark not in BENCHMARKS:
            raise InvalidSetting(f"no benchmark is called {benchmark!r}; choose one of {', '.join(BENCHMARKS)}")
        self.benchmark: Benchmark = BENCHMARKS[benchmark]
        self.path, self.seed = path, seed

    def games(self, split: Split, count: int | None) -> Sequence[Problem]:
        """Problems of a split in a seeded order.

        Raises:
            InvalidSetting: if there is no such split.
            GameDataNotFound: if the rows cannot be had, or one of them is no problem of this benchmark.
        """
        problems = list(self._problems(split))
        random.Random(self.seed).shuffle(problems)
        return problems[:count]

    def identity(self) -> dict[str, object]:
        """The benchmark, the order's seed, and the content of its files where it is read from files."""
        files = {}
        part: Part
        for part in get_args(Part):
            try:
                path = benchmark_file(self.benchmark, part, self.path)
            except GameDataNotFound:
                continue  # a folder may hold one part only; games() tells where the one that is asked for is missing
            if path is not None:
                with path.open("rb") as file:
                    files[part] = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return {"env": self.benchmark.name, "seed": self.seed, "files": files}

    def _problems(self, split: Split) -> Iterator[Problem]:
        if split == "seen":
            raise InvalidSetting(
                f"{self.benchmark.name} has no split 'seen'; its splits are 'train' and 'unseen', which are its test problems"
            )
        part: Part = "train" if split == "train" else "test"
        path = benchmark_file(self.benchmark, part, self.path)
        rows = rows_of_hub(self.benchmark, part) if path is None else rows_of_file(path)
        for number, row in rows:
            try:
                fields = self.benchmark.read(row)
            except (KeyError, ValueError, TypeError, SyntaxError) as error:
                raise GameDataNotFound(
                    f"row {number} of '{path or self.benchmark.hub.repository}' is no problem of {self.benchmark.name} "
                    f"({error!r}); it has the fields {', '.join(sorted(row))}"
                ) from error
            yield Problem(
                game_id=f"{self.benchmark.name}/{fields.name or f'{part}/{number}'}",
                task_type=fields.task_type,
                question=fields.question,
                solution=fields.solution,
                answer=fields.answer,
                grading=self.benchmark.grading,
                answer_tokens=self.benchmark.answer_tokens,
            )


def problems_named(name: BenchmarkName) -> GameSource:
    """The source that a command line names."""
    match name:
        case "arithmetic":
            return Arithmetic()
        case "reasoning-gym":
            return ReasoningGym()
        case "reasoning-gym-split":
            return SplitReasoningGym()
        case "reasoning-gym-split-3":
            return SplitReasoningGym(THREE_AGENT_TASKS)
    return Problems(name)


def _gym_version() -> str:
    from importlib import metadata

    try:
        return metadata.version("reasoning-gym")
    except metadata.PackageNotFoundError:
        return "not installed"
