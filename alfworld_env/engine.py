"""The native engine: plays a game in pure Python, answering byte for byte as textworld does; knows no episode limit."""

from alfworld_env.actions import Action, admissible_actions, apply_action, journeys
from alfworld_env.games import GameData
from alfworld_env.goal_conditions import GoalCheck, GoalConditions
from alfworld_env.problem import Problem, parse_problem
from alfworld_env.wording import NOTHING_HAPPENS, describe, opening
from alfworld_env.world import WorldState, initial_state


class NativeEngine:
    """One game in play. Holds plain data only: it pickles, copies and needs no closing.

    Args:
        data: The game; its domain and grammar are not read.

    Raises:
        InvalidGame: The problem is not one of ALFWorld's.
    """

    def __init__(self, data: GameData) -> None:
        self.problem: Problem = parse_problem(data.problem)
        self._task = data.task
        self._goal = GoalCheck(self.problem)
        self._journeys = journeys(self.problem)
        self._state = initial_state(self.problem)
        # What follows from the state, worked out when first asked for.
        self._actions: dict[str, Action] | None = None
        self._conditions: GoalConditions | None = None

    @property
    def won(self) -> bool:
        """Whether the goal holds now."""
        met, total = self.goal_conditions()
        return met == total

    def goal_conditions(self) -> GoalConditions:
        """How much of the goal holds now."""
        if self._conditions is None:
            self._conditions = self._goal(self._state)
        return self._conditions

    @property
    def state(self) -> WorldState:
        """Where everything is now."""
        return self._state

    def reset(self) -> str:
        """Start again and give the first observation, banner included."""
        self.restore(initial_state(self.problem))
        return opening(self.problem, self._state, self._task)

    def step(self, command: str) -> str:
        """Carry out a command and give the answer; what is not admissible changes nothing."""
        action = self._admissible().get(command.strip())
        if action is None:
            return NOTHING_HAPPENS
        self.restore(apply_action(self._state, action))
        return describe(self.problem, self._state, action)

    def admissible_commands(self) -> list[str]:
        """Every command that does something now, sorted."""
        return sorted(self._admissible())

    def snapshot(self) -> WorldState:
        """A value that `restore` takes back to this moment; costs nothing."""
        return self._state

    def restore(self, state: WorldState) -> None:
        """Go to a moment that `snapshot` gave."""
        if state is not self._state:
            self._state, self._actions, self._conditions = state, None, None

    def close(self) -> None:
        """Nothing to release; here so that all engines can be closed alike."""

    def _admissible(self) -> dict[str, Action]:
        if self._actions is None:
            self._actions = admissible_actions(self.problem, self._state, self._journeys)
        return self._actions
