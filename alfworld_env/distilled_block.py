"""The games of one block of a distilled file, as lines of JSON that share tables; knows nothing of the file around them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alfworld_env.compact_problem import CompactProblem, Thing


@dataclass(frozen=True)
class CompactGame:
    """A game written small.

    Attributes:
        game_id: Its name.
        task: The task sentence.
        walkthrough: Commands that solve it.
        texts: Number of its domain and grammar among the file's.
        problem: Its problem.
    """

    game_id: str
    task: str
    walkthrough: tuple[str, ...]
    texts: int
    problem: CompactProblem


@dataclass(frozen=True)
class Block:
    """A block read back; a game is built when it is asked for.

    Attributes:
        kinds: What `Thing.kind` can be.
        fixed: What `CompactProblem.fixed` can be.
        constants: What `CompactProblem.constants` can be.
        lines: One game each.
    """

    kinds: tuple[str, ...]
    fixed: tuple[str, ...]
    constants: tuple[str, ...]
    lines: tuple[bytes, ...]

    def game(self, line: int) -> CompactGame:
        """Build one game. What is not a block of games raises whatever it happens to (LookupError, ValueError, TypeError)."""
        row: dict[str, Any] = json.loads(self.lines[line])
        things = []
        for pddl_type, rows in row["things"].items():
            for name, kind, *related in map(str.split, rows):
                things.append(Thing(name, pddl_type, self.kinds[int(kind)], tuple(map(int, related))))
        problem = CompactProblem(
            tuple(things), self.fixed[row["fixed"]], self.constants[row["constants"]], str(row["goal"])
        )
        return CompactGame(row["id"], row["task"], tuple(row["walkthrough"]), row["texts"], problem)


class Numbered:
    """Texts numbered in the order in which they were first met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text."""
        return self._numbers.setdefault(text, len(self._numbers))

    def texts(self) -> list[str]:
        """All of them, in order."""
        return list(self._numbers)


def write_block(games: Sequence[CompactGame]) -> bytes:
    """A block: a line of tables, then a line for each game."""
    kinds, fixed, constants = Numbered(), Numbered(), Numbered()
    rows = []
    for game in games:
        things: dict[str, list[str]] = {}
        for thing in game.problem.things:
            numbers = (kinds.number(thing.kind), *thing.related)
            things.setdefault(thing.pddl_type, []).append(" ".join((thing.name, *map(str, numbers))))
        rows.append(
            {
                "id": game.game_id,
                "task": game.task,
                "walkthrough": game.walkthrough,
                "texts": game.texts,
                "fixed": fixed.number(game.problem.fixed),
                "constants": constants.number(game.problem.constants),
                "goal": game.problem.goal,
                "things": things,
            }
        )
    tables = {"kinds": kinds.texts(), "fixed": fixed.texts(), "constants": constants.texts()}
    return b"\n".join(json.dumps(row, separators=(",", ":")).encode() for row in (tables, *rows))


def read_block(content: bytes) -> Block:
    """Read a block without building its games; raises as `Block.game` does."""
    head, *lines = content.split(b"\n")
    tables = json.loads(head)
    return Block(tuple(tables["kinds"]), tuple(tables["fixed"]), tuple(tables["constants"]), tuple(lines))
