"""What a single answer of an environment must be: shapes, kinds and what must agree; knows no order of answers."""

import json
from typing import Any, NamedTuple, Protocol

from alfworld_env.errors import AlfworldEnvError
from alfworld_env.games import TaskType
from alfworld_env.observation import canonical_command
from alfworld_env.wording import TASK_PREFIX

NOTHING_HAPPENS = "Nothing happens."  # written out: the contract, not what an engine happens to say
_FIXED = ("task", "game_id", "task_type", "walkthrough")
_INFO_KINDS: dict[str, type | tuple[type, ...]] = {
    "admissible_commands": list,
    "won": bool,
    "goal_condition_success_rate": float,
    "steps": int,
    "task": str,
    "game_id": str,
    "task_type": str,
    "walkthrough": (tuple, list),
}


class TextEnv(Protocol):
    """What is checked: the calls of `AlfworldEnv`."""

    def reset(self) -> tuple[str, Any]:
        """Begin an episode."""

    def step(self, command: str) -> tuple[str, float, bool, bool, Any]:
        """Carry out a command."""


class ContractBroken(AlfworldEnvError, AssertionError):  # noqa: N818
    """An environment does not do what the contract says."""


class Answer(NamedTuple):
    """One answer, known to be of the right form; a reset is an answer with reward 0.0 and no flag."""

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]

    @property
    def commands(self) -> list[str]:
        """What may be done next."""
        commands: list[str] = self.info["admissible_commands"]
        return commands

    @property
    def ended(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.truncated


def require(holds: bool, wanted: str) -> None:
    """Raise ContractBroken with what was wanted unless it holds."""
    if not holds:
        raise ContractBroken(f"wanted {wanted}")


def checked_reset(result: Any) -> Answer:
    """What `reset` gave, if it keeps the contract."""
    require(isinstance(result, tuple) and len(result) == 2, f"reset() to give (observation, info), got {result!r:.200}")
    answer = Answer(result[0], 0.0, False, False, result[1])
    _check_observation(answer.observation)
    _check_info(answer.info, 0)
    sentence = f"{TASK_PREFIX}{answer.info['task']}"
    require(
        sentence in answer.observation, f"the first observation to say {sentence!r}, got {answer.observation!r:.300}"
    )
    require(not answer.info["won"], "a game that is not won before its first step")
    return answer


def checked_step(result: Any, command: str, before: Answer, limit: int | None) -> Answer:
    """What `step` gave, if it keeps the contract.

    Args:
        result: What came back.
        command: What was asked.
        before: The answer before.
        limit: Steps in an episode, where known.
    """
    require(isinstance(result, tuple) and len(result) == 5, f"step() to give a five-tuple, got {result!r:.200}")
    answer = Answer(*result)
    _check_observation(answer.observation)
    require(isinstance(answer.reward, float), f"a float reward, got {type(answer.reward).__name__}")
    flags = isinstance(answer.terminated, bool) and isinstance(answer.truncated, bool)
    require(flags, f"terminated and truncated to be bools, got {result[2:4]!r:.100}")
    require(not (answer.terminated and answer.truncated), "terminated and truncated not both true")
    steps = before.info["steps"] + 1
    _check_info(answer.info, steps)
    _check_agreement(answer, before)
    _check_refusal(answer, command, before)
    if limit is not None:
        due = steps >= limit and not answer.terminated
        require(
            answer.truncated == due,
            f"truncated exactly at step {limit}, step {steps} said truncated={answer.truncated}",
        )
    return answer


def _check_observation(observation: Any) -> None:
    require(isinstance(observation, str), f"a str observation, got {type(observation).__name__}")
    require(bool(observation.strip()), f"an observation that is not empty, got {observation!r}")


def _check_info(info: Any, steps: int) -> None:
    require(isinstance(info, dict), f"info to be a dict, got {type(info).__name__}")
    for key, kind in _INFO_KINDS.items():
        require(key in info, f"info to have {key!r}, it has {sorted(info)}")
        right = isinstance(info[key], kind) and not (kind is int and isinstance(info[key], bool))
        require(right, f"info[{key!r}] to be {kind}, got {type(info[key]).__name__}")
    commands = info["admissible_commands"]
    words = all(isinstance(command, str) and command == command.strip() != "" for command in commands)
    require(words, f"admissible_commands to be strings without spaces around them, got {commands!r:.200}")
    require(commands == sorted(set(commands)) and bool(commands), "admissible_commands sorted, unique and not empty")
    require(info["steps"] == steps, f"info['steps'] to be {steps}, got {info['steps']}")
    kinds = [task_type.value for task_type in TaskType]
    require(info["task_type"] in kinds, f"info['task_type'] to be one of {', '.join(kinds)}, got {info['task_type']!r}")
    require(all(isinstance(command, str) for command in info["walkthrough"]), "a walkthrough of strings")
    share, won = info["goal_condition_success_rate"], info["won"]
    require(
        0.0 <= share <= 1.0 and (share == 1.0) == won,
        f"goal_condition_success_rate from 0 to 1, and 1 exactly where won, got {share} with won={won}",
    )
    try:
        json.dumps(info, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ContractBroken(f"wanted info that JSON can hold, but {error}") from error


def _check_agreement(answer: Answer, before: Answer) -> None:
    won = answer.info["won"]
    require(answer.terminated == won, f"terminated to be info['won'], got {answer.terminated} and {won}")
    require(answer.reward == float(won), f"reward 1.0 on the step that wins and 0.0 on others, got {answer.reward}")
    for key in _FIXED:
        same = answer.info[key] == before.info[key]
        require(same, f"info[{key!r}] to stay the same in an episode, got {answer.info[key]!r:.100}")


def _check_refusal(answer: Answer, command: str, before: Answer) -> None:
    refused = answer.observation == NOTHING_HAPPENS
    if canonical_command(command) in before.commands:
        wanted = "an admissible command, in the papers' wording and with spaces around it too, to be carried out"
        require(not refused, f"{wanted}; {command!r} got {NOTHING_HAPPENS!r}")
        return
    require(
        refused, f"{command!r:.80}, which is not admissible, to get {NOTHING_HAPPENS!r}, got {answer.observation!r:.80}"
    )
    changed = answer.commands != before.commands or answer.info["won"] != before.info["won"]
    require(not changed, f"a command that is not admissible to change nothing, {command!r:.80} did")
