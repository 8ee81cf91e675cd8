"""Does an environment keep the contract? For environments of one's own; knows no particular one."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from alfworld_env.errors import AlfworldEnvError

_INFO_KINDS: dict[str, type | tuple[type, ...]] = {
    "admissible_commands": list,
    "won": bool,
    "steps": int,
    "task": str,
    "game_id": str,
    "task_type": str,
    "walkthrough": (tuple, list),
}
_NONSENSE = "this is no command of any game"


class TextEnv(Protocol):
    """What is checked: the calls of `AlfworldEnv`."""

    def reset(self) -> tuple[str, Any]:
        """Begin an episode."""

    def step(self, command: str) -> tuple[str, float, bool, bool, Any]:
        """Carry out a command."""


class ContractBroken(AlfworldEnvError, AssertionError):  # noqa: N818
    """An environment does not do what the contract says."""


def check_env(env_factory: Callable[[], TextEnv], num_steps: int = 10) -> None:
    """Play two short episodes and check every answer.

    Checked: the shapes and kinds of what `reset` and `step` give; that steps are counted; that nonsense changes
    nothing; that the same commands give the same answers in a second environment and after a second `reset`; that the
    walkthrough, where there is one, wins with reward 1.0; and that an ended episode refuses a step.

    Args:
        env_factory: Makes a fresh environment for the same game each time. Its step limit must exceed `num_steps` and
            the length of the walkthrough.
        num_steps: Length of the episode that is repeated.

    Raises:
        ContractBroken: The first thing found wrong, with what was wanted.
    """
    env = env_factory()
    commands, first = _explore(env, num_steps)
    _require(_replay(env, commands) == first, "the same commands after a second reset() to give the same answers")
    _require(_replay(env_factory(), commands) == first, "a second environment to give the same answers")
    walkthrough = env.reset()[1]["walkthrough"]
    if walkthrough:
        _check_win(env, walkthrough)


def _explore(env: TextEnv, num_steps: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    answer = _pair(env.reset())
    _check_info(answer[1], 0)
    seen = [answer]
    commands: list[str] = []
    done = False
    while len(commands) < num_steps and not done:
        admissible = seen[-1][-1]["admissible_commands"]
        # A fixed stride visits varied commands and needs no randomness.
        command = _NONSENSE if len(commands) == 1 else admissible[(7 * len(commands)) % len(admissible)]
        result = _step(env, command, len(commands) + 1)
        if command == _NONSENSE:
            same = result[-1]["admissible_commands"] == admissible
            _require(same, "a command that is not admissible to change nothing")
        commands.append(command)
        seen.append(result)
        done = result[2] or result[3]
    return commands, seen


def _replay(env: TextEnv, commands: Sequence[str]) -> list[tuple[Any, ...]]:
    return [_pair(env.reset()), *(_step(env, command, number) for number, command in enumerate(commands, start=1))]


def _check_win(env: TextEnv, walkthrough: Sequence[str]) -> None:
    for number, command in enumerate(walkthrough, start=1):
        _, reward, terminated, _, info = _step(env, command, number)
        last = number == len(walkthrough)
        _require(
            terminated == last, f"the walkthrough to end the episode on its last step, step {number} said {terminated}"
        )
        _require(reward == float(last) and info["won"] == last, "reward 1.0 and won on the winning step alone")
    try:
        env.step(walkthrough[-1])
    except AlfworldEnvError:
        return
    raise ContractBroken("wanted step() after the end to raise ResetNeeded, it answered")


def _step(env: TextEnv, command: str, number: int) -> tuple[Any, ...]:
    result: Any = env.step(command)
    _require(isinstance(result, tuple) and len(result) == 5, f"step() to give a five-tuple, got {result!r:.200}")
    observation, reward, terminated, truncated, info = result
    _require(isinstance(observation, str), f"a str observation, got {type(observation).__name__}")
    _require(isinstance(reward, float), f"a float reward, got {type(reward).__name__}")
    flags = isinstance(terminated, bool) and isinstance(truncated, bool)
    _require(flags and not (terminated and truncated), "terminated and truncated to be bools, and not both true")
    _check_info(info, number)
    return observation, reward, terminated, truncated, dict(info)


def _pair(result: Any) -> tuple[Any, ...]:
    _require(
        isinstance(result, tuple) and len(result) == 2, f"reset() to give (observation, info), got {result!r:.200}"
    )
    observation, info = result
    _require(isinstance(observation, str), f"a str observation, got {type(observation).__name__}")
    return observation, dict(info)


def _check_info(info: Any, steps: int) -> None:
    for key, kind in _INFO_KINDS.items():
        _require(key in info, f"info to have {key!r}, it has {sorted(info)}")
        _require(isinstance(info[key], kind), f"info[{key!r}] to be {kind}, got {type(info[key]).__name__}")
    commands = info["admissible_commands"]
    _require(commands == sorted(set(commands)) and bool(commands), "admissible_commands sorted, unique and not empty")
    _require(info["steps"] == steps, f"info['steps'] to be {steps}, got {info['steps']}")


def _require(holds: bool, wanted: str) -> None:
    if not holds:
        raise ContractBroken(f"wanted {wanted}")
