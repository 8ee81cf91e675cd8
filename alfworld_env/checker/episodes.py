"""Plays short episodes and checks every answer and what they must have in common; knows no particular environment."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from alfworld_env.checker.answers import Answer, ContractBroken, TextEnv, checked_reset, checked_step, require
from alfworld_env.checker.surroundings import check_surroundings, surroundings
from alfworld_env.errors import ResetNeeded

_NONSENSE = (
    "this is no command of any game",
    "",
    "go to",
    "look around",
    "LOOK",
    "\n",
    "go to " + "very " * 1000 + "far",
)


def check_env(env_factory: Callable[[], TextEnv], num_steps: int = 10) -> None:
    """Play a handful of short episodes and check every answer.

    Checked, in this order:

    - a step before the first `reset`, and after the end of an episode, raises ResetNeeded;
    - `reset` and `step` give tuples of the right length and kinds; the observation is a text that is not empty, the
      first one names the task; `info` has the keys of `alfworld_env.Info`, of their kinds, and JSON can hold it;
    - steps are counted; task, id, task type and walkthrough stay the same; what was given earlier is not changed later;
    - admissible commands are sorted, unique and never answered "Nothing happens."; everything else is, and changes nothing;
    - the reward is 1.0 on the winning step and 0.0 on all others; an episode ends by winning (terminated) or, exactly at
      its step limit, by truncation, never both. The limit is read from an attribute `max_steps`; without one it is not
      checked;
    - the same commands give the same answers after a second `reset`, in a second environment, and with spaces around;
    - the walkthrough, where there is one, wins on its last step, also in the papers' wording (`put X in/on Y`);
    - arguments, output, environment variables, working folder and global random state are left alone.

    Args:
        env_factory: Makes a fresh environment for the same game each time. Its step limit must be at least the length
            of the walkthrough. What has a `close` is closed.
        num_steps: Length of the episode that is repeated; cut at the step limit.

    Raises:
        ContractBroken: The first thing found wrong, with what was wanted.
        ValueError: The step limit is shorter than the walkthrough.
    """
    before = surroundings()
    with ExitStack() as opened:

        def make() -> _Player:
            env = env_factory()
            if hasattr(env, "close"):
                opened.callback(env.close)
            return _Player(env)

        player = make()
        player.check_refusal("before the first reset()")
        commands, first = _explore(player, num_steps)
        require(player.play(commands) == first, "the same commands after a second reset() to give the same answers")
        second = make()
        require(second.play(commands) == first, "a second environment to give the same answers")
        padded = [f" \t{command}  " for command in commands]
        require(second.play(padded) == first, "spaces around a command to change nothing")
        _check_win(player, first[0].info["walkthrough"])
        _check_limit(player, first[0])
    check_surroundings(before)


class _Player:
    """Plays one environment, checks each answer as it comes, and that no earlier one was changed since."""

    def __init__(self, env: TextEnv) -> None:
        self.env = env
        self.limit: int | None = getattr(env, "max_steps", None)
        self._last = Answer("", 0.0, False, False, {})

    def reset(self) -> Answer:
        self._last = checked_reset(self.env.reset())
        return self._last

    def step(self, command: str) -> Answer:
        before, written = self._last, json.dumps(self._last.info)
        result = self.env.step(command)
        require(json.dumps(before.info) == written, "step() to leave the info of earlier steps as it was")
        self._last = checked_step(result, command, before, self.limit)
        return self._last

    def play(self, commands: Sequence[str]) -> list[Answer]:
        return [self.reset(), *(self.step(command) for command in commands)]

    def check_refusal(self, when: str) -> None:
        try:
            self.env.step("look")
        except ResetNeeded:
            return
        except Exception as error:
            raise ContractBroken(f"wanted step() {when} to raise ResetNeeded, got {type(error).__name__}") from error
        raise ContractBroken(f"wanted step() {when} to raise ResetNeeded, it answered")


def _explore(player: _Player, num_steps: int) -> tuple[list[str], list[Answer]]:
    answers = [player.reset()]
    commands: list[str] = []
    while len(commands) < num_steps and not answers[-1].ended:
        admissible = answers[-1].commands
        # Fixed strides visit varied commands and need no randomness.
        number = len(commands)
        command = admissible[(7 * number) % len(admissible)]
        if number % 3 == 1:
            near_miss = (*_NONSENSE, f"{command}0", command.replace(" ", "  ") + " ")[
                (number // 3) % (len(_NONSENSE) + 2)
            ]
            command = command if near_miss.strip() in admissible else near_miss
        commands.append(command)
        answers.append(player.step(command))
    if answers[-1].ended:
        player.check_refusal("after the end of an episode")
    return commands, answers


def _check_win(player: _Player, walkthrough: Sequence[str]) -> None:
    if not walkthrough:
        return
    if player.limit is not None and player.limit < len(walkthrough):
        raise ValueError(
            f"max_steps must be at least {len(walkthrough)}, the length of the walkthrough, got {player.limit}"
        )
    for commands in (walkthrough, [_as_papers_put_it(command) for command in walkthrough]):
        start, *answers = player.play(commands[:-1])
        early = [answer.info["steps"] for answer in (start, *answers) if answer.ended]
        require(not early, f"the walkthrough to end the episode on its last step, it ended at step {early[:1]}")
        require(player.step(commands[-1]).info["won"], f"the walkthrough to win, it did not: {', '.join(commands)}")
        player.check_refusal("after the end of an episode")


def _check_limit(player: _Player, first: Answer) -> None:
    require(player.reset() == first, "reset() after the end of an episode to give the first answer again")
    if player.limit is None:
        return
    for _ in range(player.limit):
        last = player.step(_NONSENSE[0])
    require(last.truncated, f"truncated at step {player.limit}")
    player.check_refusal("after the end of an episode")


def _as_papers_put_it(command: str) -> str:
    thing, to, place = command.removeprefix("move ").partition(" to ")
    return f"put {thing} in/on {place}" if to and command.startswith("move ") else command
