"""Draws the commands of a random walk, possible and impossible ones; knows no engine."""

import random
import string
from collections.abc import Iterable, Sequence

# Of nonsense, near misses, commands admissible earlier (often impossible now: the refusals worth testing), commands whose
# verb is drawn first (most commands only go somewhere), and of any admissible command.
SHARES = (0.06, 0.10, 0.14, 0.35, 0.35)
NONSENSE = (
    *("", "LOOK", " look ", "open", "go to nowhere 1", "take everything", "put mug 1 in/on desk 1", "look\nlook"),
    *("öffne den kühlschrank 1", "打开 冰箱 1", "look\u200b", "lo\u0301ok", "look\x00", "\ud800", "🚪" * 50),
    *("go to " + "very " * 2000 + "far", "(and (look))", "#intro#", "{look}", "%s", "\\"),
)


class RandomWalk:
    """A seeded source of commands for one game, whatever its answers.

    Args:
        seed: The same seed and the same answers give the same commands.
    """

    def __init__(self, seed: int | str) -> None:
        self._rng = random.Random(seed)
        self._seen: list[str] = []

    def draw(self, admissible: Sequence[str]) -> str:
        """The next command: mostly an admissible one, else one admissible earlier, a near miss, or nonsense."""
        self._seen += admissible
        rng = self._rng
        kind = rng.choices(("nonsense", "near miss", "earlier", "by verb", "any"), SHARES)[0]
        if kind == "nonsense":
            return rng.choice(NONSENSE)
        if kind == "near miss":
            return near_miss(rng, rng.choice(admissible))
        if kind == "earlier":
            return rng.choice(self._seen)
        return rng.choice(_of_one_verb(rng, admissible) if kind == "by verb" else admissible)


def near_miss(rng: random.Random, command: str) -> str:
    """A command with one letter left out, doubled, exchanged or added, or with other case or spaces."""
    place = rng.randrange(len(command))
    before, letter, after = command[:place], command[place], command[place + 1 :]
    stranger = rng.choice(f"{string.ascii_lowercase}{string.digits} \t\u00e9\u200b\u0301")
    return rng.choice(
        (
            f"{before}{after}",
            f"{before}{letter}{letter}{after}",
            f"{before}{stranger}{after}",
            f"{before}{letter}{stranger}{after}",
            f"{before}{letter.upper()}{after}",
            command.upper(),
            command.title(),
            command.replace(" ", "  "),
            f"  {command}\t",
            f"{command} {command}",
        )
    )


def _of_one_verb(rng: random.Random, admissible: Iterable[str]) -> list[str]:
    by_verb: dict[str, list[str]] = {}
    for command in admissible:
        by_verb.setdefault(command.partition(" ")[0], []).append(command)
    return by_verb[rng.choice(sorted(by_verb))]
