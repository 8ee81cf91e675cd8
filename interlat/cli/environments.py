"""The games that settings ask for, and how they are played: where `evaluation`'s protocol meets `alfworld_env`."""

from collections.abc import Sequence
from typing import Any

from alfworld_env import AlfworldEnv, Info, strip_banner
from interlat.data.games import games_named
from interlat.errors import InvalidSetting
from interlat.evaluation.environment import EnvironmentFactory
from interlat.evaluation.settings import EvalSettings


class BannerlessEnv(AlfworldEnv):
    """A game whose first observation begins with the room, as papers show it to actors."""

    def reset(self) -> tuple[str, Info]:
        """Begin; the first observation has no banner."""
        observation, info = super().reset()
        return strip_banner(observation), info


def games_of(settings: EvalSettings) -> Sequence[Any]:
    """The games; which ones does not depend on the seed, so that runs can be compared game by game.

    Raises:
        InvalidSetting: if there are fewer than asked for.
        GameDataNotFound: if ALFWorld's own are asked for and are not there.
    """
    games: Sequence[Any] = games_named(settings.env).games(settings.split, settings.games)
    if settings.games is not None and len(games) < settings.games:
        raise InvalidSetting(
            f"--games {settings.games} is more than the {len(games)} games of {settings.env} {settings.split}; "
            "ask for fewer, or leave it out for all"
        )
    return games


def environment_factory(settings: EvalSettings) -> EnvironmentFactory:
    """Loads a game with the engine and the step cap of the settings."""
    return lambda game: BannerlessEnv(game, settings.engine, settings.max_steps)
