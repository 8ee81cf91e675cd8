"""Many games stepped in lockstep, as a batch of agents plays them; knows no agent."""

from collections.abc import Sequence
from pathlib import Path

from alfworld_env.env import MAX_STEPS, AlfworldEnv, EngineName, Info
from alfworld_env.games import Game, GameData

Steps = tuple[list[str], list[float], list[bool], list[bool], list[Info]]


class VectorAlfworldEnv:
    """One environment a slot, all stepped together. A finished slot stays finished until the next `reset`.

    Args:
        games: One game a slot.
        engine: As for `AlfworldEnv`.
        max_steps: As for `AlfworldEnv`.
    """

    def __init__(
        self, games: Sequence[Game | GameData | Path | str], engine: EngineName = "native", max_steps: int = MAX_STEPS
    ) -> None:
        self.envs = [AlfworldEnv(game, engine, max_steps) for game in games]
        self._last: list[tuple[str, float, bool, bool, Info]] = []

    def __len__(self) -> int:
        return len(self.envs)

    @property
    def finished(self) -> list[bool]:
        """Which slots are won or at their limit; all of them before the first `reset`."""
        if not self._last:
            return [True] * len(self.envs)
        return [terminated or truncated for _, _, terminated, truncated, _ in self._last]

    def reset(self) -> tuple[list[str], list[Info]]:
        """Begin an episode in every slot."""
        starts = [env.reset() for env in self.envs]
        self._last = [(observation, 0.0, False, False, info) for observation, info in starts]
        return [observation for observation, _ in starts], [info for _, info in starts]

    def step(self, commands: Sequence[str]) -> Steps:
        """Carry out one command a slot.

        Args:
            commands: As many as there are slots; those of finished slots are ignored.

        Returns:
            The five lists of `AlfworldEnv.step`. A finished slot repeats its last observation, flags and info with
            reward 0.0, so that summed rewards count a win once.

        Raises:
            ValueError: The number of commands is not the number of slots.
            ResetNeeded: There was no `reset` yet.
        """
        if len(commands) != len(self.envs):
            raise ValueError(f"wanted {len(self.envs)} commands, one a slot, got {len(commands)}")
        finished = self.finished if self._last else [False] * len(self.envs)
        self._last = [
            (self._last[slot][0], 0.0, *self._last[slot][2:]) if finished[slot] else env.step(command)
            for slot, (env, command) in enumerate(zip(self.envs, commands, strict=True))
        ]
        return (
            [observation for observation, *_ in self._last],
            [reward for _, reward, *_ in self._last],
            [terminated for _, _, terminated, *_ in self._last],
            [truncated for *_, truncated, _ in self._last],
            [info for *_, info in self._last],
        )

    def close(self) -> None:
        """Release every slot's engine."""
        for env in self.envs:
            env.close()
