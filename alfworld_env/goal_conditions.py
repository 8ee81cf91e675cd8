"""How much of a goal holds: partial credit, as ALFRED counts it; knows no text and no episode."""

from typing import NamedTuple

from alfworld_env.games import TaskType
from alfworld_env.problem import Problem
from alfworld_env.world import WorldState

# What a treatment leaves on an object, and what the object must be able to take.
_TREATMENTS = {
    TaskType.CLEAN_AND_PLACE: ("clean", "cleanable"),
    TaskType.HEAT_AND_PLACE: ("hot", "heatable"),
    TaskType.COOL_AND_PLACE: ("cool", "coolable"),
}


class GoalConditions(NamedTuple):
    """How many conditions of a goal hold, of how many."""

    met: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1; 1 is a won game and nothing else is."""
        return self.met / self.total


class GoalCheck:
    """A problem's goal, made ready to be asked of one state after another.

    The conditions are those of ALFRED's tasks (alfworld 0.4.2, `env/tasks.py`, where only the visual environment has
    them), read on the state of the text game. "An object" is any object of the kind wanted:

    - pick and place (1): an object is in a receptacle of the kind wanted.
    - pick two and place (2): the most objects that one such receptacle holds, at most two.
    - look at in light (2): an object is held; a lamp of the kind wanted, switched on, is where the agent stands.
    - clean, heat, cool, then place (3): an object is in such a receptacle; an object is clean (hot, cool); one is both.

    A condition may hold from the start and may be lost again. All hold exactly when the game is won.
    """

    def __init__(self, problem: Problem) -> None:
        goal = problem.goal
        self._problem = problem
        self._task_type = goal.task_type
        self._objects = _of_type(problem, goal.object_type)
        self._lamps = _of_type(problem, goal.lamp_type) & problem.flags["toggleable"]
        self._receptacles = [
            place for place, types in problem.receptacle_types.items() if goal.receptacle_type in types
        ]
        self._mark, ability = _TREATMENTS.get(goal.task_type, ("", ""))
        self._treatable = self._objects & problem.flags[ability] if ability else self._objects

    def __call__(self, state: WorldState) -> GoalConditions:
        """What holds in a state."""
        if self._task_type is TaskType.LOOK_IN_LIGHT:
            return GoalConditions((state.held in self._objects) + self._lit_here(state), 2)
        in_place = [self._objects & state.contents[receptacle] for receptacle in self._receptacles]
        if self._task_type is TaskType.PICK_TWO:
            return GoalConditions(min(2, max(map(len, in_place), default=0)), 2)
        if not self._mark:
            return GoalConditions(int(any(in_place)), 1)
        treated: frozenset[str] = getattr(state, self._mark) & self._treatable
        return GoalConditions(any(in_place) + bool(treated) + any(treated & things for things in in_place), 3)

    def _lit_here(self, state: WorldState) -> bool:
        lit = self._lamps & state.toggled
        here = self._problem.receptacles_at.get(state.location, ())
        return bool(lit) and any(lit & state.contents[receptacle] for receptacle in here)


def _of_type(problem: Problem, kind: str | None) -> frozenset[str]:
    return frozenset(thing for thing, types in problem.object_types.items() if kind in types)
