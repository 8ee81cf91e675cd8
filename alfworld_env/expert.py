"""An expert that has to look for things, as an actor does: it acts on observations alone and keeps what it has seen.

Knows no engine. Unlike ALFWorld's own handcoded expert it remembers every object it passed, which is what finding two of a
kind takes, and it closes nothing behind itself.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from alfworld_env.observation import parse_receptacles, strip_banner, task_of
from alfworld_env.search import Search, next_place
from alfworld_env.task_sentence import Assignment, parse_task
from alfworld_env.wording import BANNER

_CONTENTS = re.compile(r"(?:In it|On the [a-z]+ \d+), you see (.+?)\.")
_THING = re.compile(r"a ([a-z]+ \d+)")
_APPLIANCE = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}


@dataclass
class Belief:
    """What the expert has seen so far.

    Attributes:
        contents: What each receptacle looked into holds.
        unexplored: Receptacles not yet looked into.
        at: The receptacle it stands at.
        held: The object in hand.
        treated: Objects already cleaned, heated or cooled.
        placed: Objects already brought to their place.
    """

    contents: dict[str, list[str]] = field(default_factory=dict)
    unexplored: list[str] = field(default_factory=list)
    at: str | None = None
    held: str | None = None
    treated: set[str] = field(default_factory=set)
    placed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A command and the thought behind it."""

    thought: str
    command: str


class ExploringExpert:
    """Plays one episode.

    Args:
        opening: The first observation; the banner may be there or not.
        seed: Decides the order of search and the wording of thoughts.
        search: What it knows of where things usually are; see `search.next_place`.
    """

    def __init__(self, opening: str, seed: int = 0, search: Search = "common-sense") -> None:
        self.search: Search = search
        self.rng = random.Random(f"expert/{seed}/{BANNER}\n\n{strip_banner(opening)}")
        self.assignment: Assignment = parse_task(task_of(opening))
        self.belief = Belief(unexplored=parse_receptacles(opening))
        self.receptacles = list(self.belief.unexplored)
        self._command: str | None = None
        self._asked_lamp = False

    def act(self, observation: str, admissible: Sequence[str]) -> Step:
        """The next step, given the answer to the last one and what is possible now."""
        if self._command is not None:
            self._learn(self._command, observation)
        step = self._choose(set(admissible))
        self._command = step.command
        return step

    # Learning from observations.

    def _learn(self, command: str, observation: str) -> None:
        words = command.split()
        belief = self.belief
        if words[0] in ("go", "open", "examine"):
            receptacle = " ".join(words[-2:])
            if observation.startswith("You arrive"):
                belief.at = receptacle
            self._look_into(receptacle, observation)
        elif words[0] == "take":
            belief.held = f"{words[1]} {words[2]}"
            belief.contents[" ".join(words[-2:])].remove(belief.held)
        elif words[0] == "move" and belief.held is not None:
            where = " ".join(words[-2:])
            belief.contents.setdefault(where, []).append(belief.held)
            belief.placed[belief.held] = where
            belief.held = None
        elif words[0] in _APPLIANCE and belief.held is not None:
            belief.treated.add(belief.held)

    def _look_into(self, receptacle: str, observation: str) -> None:
        seen = _CONTENTS.search(observation)
        if seen is not None:
            self.belief.contents[receptacle] = _THING.findall(seen.group(1))
        if receptacle in self.belief.unexplored and (seen is not None or "closed" not in observation):
            self.belief.unexplored.remove(receptacle)

    # Choosing what to do.

    def _choose(self, admissible: set[str]) -> Step:
        if self.belief.held is None:
            return self._fetch(self.assignment.thing, admissible)
        if self.assignment.deed == "look":
            return self._use_lamp(admissible)
        if self.assignment.deed in _APPLIANCE and self.belief.held not in self.belief.treated:
            return self._treat(self.belief.held, admissible)
        return self._place(self.belief.held, admissible)

    def _fetch(self, kind: str, admissible: set[str]) -> Step:
        for receptacle, things in self.belief.contents.items():
            for thing in things:
                if thing.rpartition(" ")[0] != kind or not self._worth_taking(thing, receptacle):
                    continue
                take = f"take {thing} from {receptacle}"
                if take in admissible:
                    return self._say("take", take, thing=thing, place=receptacle)
                return self._approach(receptacle, admissible, "return", thing=thing)
        return self._explore(kind, admissible)

    def _worth_taking(self, thing: str, receptacle: str) -> bool:
        """Not what lies where it belongs already."""
        if self.assignment.deed == "two":
            return receptacle != self._common_target()
        if self.assignment.deed == "place":
            return receptacle.rpartition(" ")[0] != self.assignment.target
        return thing not in self.belief.placed

    def _common_target(self) -> str | None:
        """The receptacle in which both of two objects have to end."""
        if self.belief.placed:
            return next(iter(self.belief.placed.values()))
        held = [
            receptacle
            for receptacle, things in self.belief.contents.items()
            if receptacle.rpartition(" ")[0] == self.assignment.target
            and any(thing.rpartition(" ")[0] == self.assignment.thing for thing in things)
        ]
        return held[0] if held else None

    def _use_lamp(self, admissible: set[str]) -> Step:
        lamps = sorted(command for command in admissible if command.startswith(f"use {self.assignment.target} "))
        if lamps:
            return self._say("use", lamps[0], thing=str(self.belief.held))
        for receptacle, things in self.belief.contents.items():
            if any(thing.rpartition(" ")[0] == self.assignment.target for thing in things):
                return self._approach(receptacle, admissible, "lamp")
        return self._explore(self.assignment.target, admissible)

    def _treat(self, held: str, admissible: set[str]) -> Step:
        verb = self.assignment.deed
        possible = sorted(command for command in admissible if command.startswith(f"{verb} {held} with "))
        if possible:
            return self._say("treat", possible[0], verb=verb, thing=held)
        appliance = next((name for name in self.receptacles if name.rpartition(" ")[0] == _APPLIANCE[verb]), None)
        if appliance is None:
            return self._explore(_APPLIANCE[verb], admissible)
        return self._approach(appliance, admissible, "appliance", verb=verb, thing=held)

    def _place(self, held: str, admissible: set[str]) -> Step:
        target = self._common_target() if self.assignment.deed == "two" else None
        targets = (
            [target]
            if target
            else [name for name in self.receptacles if name.rpartition(" ")[0] == self.assignment.target]
        )
        for name in sorted(targets, key=lambda name: name != self.belief.at):
            move = f"move {held} to {name}"
            if move in admissible:
                return self._say("put", move, thing=held, place=name)
            if f"go to {name}" in admissible or f"open {name}" in admissible:
                return self._approach(name, admissible, "carry", thing=held)
        return Step("I do not know where to put it, so I look around.", "look")

    def _approach(self, receptacle: str, admissible: set[str], why: str, **words: str) -> Step:
        if f"open {receptacle}" in admissible:
            return self._say("open", f"open {receptacle}", place=receptacle)
        if f"go to {receptacle}" in admissible:
            return self._say(why, f"go to {receptacle}", place=receptacle, **words)
        return self._say("check", f"examine {receptacle}", place=receptacle, **{"kind": self.assignment.thing, **words})

    def _explore(self, kind: str, admissible: set[str]) -> Step:
        if self.belief.at in self.belief.unexplored and f"open {self.belief.at}" in admissible:
            return self._say("open", f"open {self.belief.at}", place=str(self.belief.at))
        if not self.belief.unexplored:
            # Everything has been seen and still something is missing: begin again with what may have been misjudged.
            self.belief.unexplored = [name for name in self.receptacles if name != self.belief.at] or list(
                self.receptacles
            )
        best = next_place(kind, self.belief.unexplored, self.search, self.rng)
        return self._approach(best, admissible, "search", kind=kind)

    def _say(self, why: str, command: str, **words: str) -> Step:
        return Step(self.rng.choice(_THOUGHTS[why]).format(**words), command)


_THOUGHTS: dict[str, tuple[str, ...]] = {
    "search": (
        "I have not found a {kind} yet. The {place} may hold one.",
        "I still need a {kind}, so I check the {place} next.",
        "There could be a {kind} at the {place}.",
    ),
    "check": ("I look at the {place} to find a {kind}.", "The {place} is right here; I check it for a {kind}."),
    "open": (
        "The {place} is closed, so I open it.",
        "I open the {place} to use it.",
        "I have to open the {place} first.",
    ),
    "take": (
        "I see the {thing} here, so I take it.",
        "The {thing} is what I need.",
        "I found the {thing}. I take it from the {place}.",
    ),
    "return": ("I saw the {thing} at the {place}. I go there.", "I remember the {thing} at the {place}."),
    "treat": ("Now I can {verb} the {thing}.", "I {verb} the {thing} here."),
    "appliance": ("I need the {place} to {verb} the {thing}.", "I go to the {place} to {verb} the {thing}."),
    "carry": ("I carry the {thing} to the {place}.", "Now I bring the {thing} to the {place}."),
    "put": ("I put the {thing} where it belongs.", "The {thing} goes to the {place}."),
    "lamp": ("I saw the desklamp at the {place}. I go there.", "The desklamp at the {place} is what I need now."),
    "use": ("I hold the {thing}, so I turn on the lamp.", "The lamp is here. I turn it on."),
}
