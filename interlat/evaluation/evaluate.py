"""An evaluation: every condition, every run, every game that is not played yet. Knows no command line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from interlat.evaluation.conditions import Condition
from interlat.evaluation.environment import EnvironmentFactory, Game
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.policies import Policy
from interlat.evaluation.rollouts import Trial, rollouts
from interlat.evaluation.settings import EvalSettings

PolicyFactory = Callable[[Condition, int], Policy]
"""Makes the policy of a condition and a seed."""


@runtime_checkable
class Played(Protocol):
    """What has been played before."""

    @property
    def keys(self) -> set[tuple[str, int, str]]:
        """Condition, run and game of each episode."""


def evaluate(
    settings: EvalSettings,
    games: Sequence[Game],
    make_policy: PolicyFactory,
    make_environment: EnvironmentFactory,
    played: Played,
) -> Iterator[EpisodeRecord]:
    """Play what is missing; a policy is only made where a game is.

    Args:
        settings: conditions, seeds and batch size; the rest is in the other arguments already.
        games: of the split.
        make_policy: who plays.
        make_environment: loads a game.
        played: episodes that are left out.

    Yields:
        Each episode when it ends.
    """
    for condition in settings.compared:
        for run, seed in enumerate(settings.seeds):
            missing = [game for game in games if (condition.name, run, game.game_id) not in played.keys]
            if missing:
                policy = make_policy(condition, seed)
                trial = Trial(condition, run, seed)
                yield from rollouts(missing, policy, make_environment, settings.batch_size, trial)
