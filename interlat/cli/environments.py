"""The games that settings ask for, and how they are played: where `evaluation`'s protocol meets `alfworld_env`."""

from collections.abc import Sequence
from typing import Any, cast

from alfworld_env import AlfworldEnv, Info, strip_banner
from interlat.data.games import EnvName, GameSource, Split, games_named
from interlat.data.reasoning import BenchmarkName, Problem, problems_named
from interlat.errors import InvalidSetting
from interlat.evaluation.accuracy import is_benchmark
from interlat.evaluation.answers import require_grader
from interlat.evaluation.environment import Environment, EnvironmentFactory
from interlat.evaluation.problem_environment import ProblemEnvironment
from interlat.evaluation.settings import EvalSettings


class BannerlessEnv(AlfworldEnv):
    """A game whose first observation begins with the room, as papers show it to actors."""

    def reset(self) -> tuple[str, Info]:
        """Begin; the first observation has no banner."""
        observation, info = super().reset()
        return strip_banner(observation), info


def source_of(env: str) -> GameSource:
    """Where the games of an environment, or the problems of a benchmark, come from."""
    if is_benchmark(env):
        return problems_named(cast(BenchmarkName, env))
    return games_named(cast(EnvName, env))


def games_of(settings: EvalSettings) -> Sequence[Any]:
    """The games or problems; which ones does not depend on the seed, so that runs can be compared game by game.

    Raises:
        InvalidSetting: if there are fewer than asked for, or the policy cannot solve problems.
        GameDataNotFound: if ALFWorld's own, or a benchmark's problems, are asked for and are not there.
        GraderNotFound: if a benchmark's answers cannot be compared here.
    """
    if is_benchmark(settings.env) and settings.policy not in ("actor", "walkthrough"):
        raise InvalidSetting(
            f"--policy {settings.policy} plays games, and {settings.env} has problems; take --policy actor, or --policy walkthrough, "
            "which gives every problem's own solution"
        )
    return _games(settings.env, settings.split, settings.games)


def problems_of(env: BenchmarkName, split: Split, count: int | None) -> Sequence[Problem]:
    """Problems of a benchmark.

    Args:
        env: the benchmark.
        split: of it.
        count: how many, spread over the split; None takes all.

    Raises:
        InvalidSetting: if there are fewer than asked for.
        GameDataNotFound: if they are not there.
        GraderNotFound: if answers cannot be compared here.
    """
    return _games(env, split, count)


def _games(env: str, split: Split, count: int | None) -> Sequence[Any]:
    games: Sequence[Any] = source_of(env).games(split, count)
    for grading in {game.grading for game in games if isinstance(game, Problem)}:
        require_grader(grading)
    if count is not None and len(games) < count:
        raise InvalidSetting(
            f"--games {count} is more than the {len(games)} games of {env} {split}; ask for fewer, or leave it out for all"
        )
    return games


def environment_factory(settings: EvalSettings) -> EnvironmentFactory:
    """Loads a game with the engine and the step cap of the settings; a problem has one step."""

    def make(game: Any) -> Environment:
        if isinstance(game, Problem):
            return ProblemEnvironment(game)
        return BannerlessEnv(game, settings.engine, settings.max_steps)

    return make
