"""The process of the tests: runs them on functions that live in the program's process, and says what came of it. Knows no program.

A program could make any test pass that ran in its own process. Here it sees the arguments of its functions and nothing else; what it gives
back is plain data, and the verdict goes through a pipe that only this process has.
"""

import ast
import builtins
import json
import os
from typing import Any, NoReturn

from .confinement import confine, job
from .remote import ENDED, Ended, Peer, Remote, as_error
from .solver import LONGEST_REASON
from .wire import Closed, Line


class _Voice:
    """Says that both processes are confined, then the verdict.

    Args:
        pipe: that it is written to.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def begin(self) -> None:
        """What goes wrong from here on is the program's, or its tests'."""
        os.write(self._pipe, json.dumps({"confined": True}).encode() + b"\n")

    def say(self, reason: str, passed: bool = False) -> NoReturn:
        """Write the verdict and end at once: no handler and no ``finally`` of a test has anything to say after it."""
        told = {"passed": passed, "reason": reason[:LONGEST_REASON]}
        os.write(self._pipe, json.dumps(told).encode() + b"\n")
        os._exit(0)


def main() -> None:
    """Confine this process, run the tests, write one verdict."""
    told = job()
    voice = _Voice(told["verdict"])
    line = Line(*told["pipes"])
    try:
        confine(told["limits"], told["packages"], told["unconfined"])
        started = line.receive()
    except (OSError, ValueError, AttributeError, KeyError, Closed) as error:
        voice.say(f"{type(error).__name__}: {error}")
    if "confined" not in started:
        voice.say(str(started.get("trouble")))
    voice.begin()
    try:
        _run(told, line, voice)
    except Closed:
        voice.say(ENDED)
    except Ended as end:
        voice.say(str(end))
    except BaseException as error:
        voice.say(f"{type(error).__name__}: {error}".removesuffix(": "))
    voice.say("passed", passed=True)


def _run(told: dict[str, Any], line: Line, voice: _Voice) -> None:
    first = line.receive()
    if "names" not in first:
        raise as_error(first)
    if told["entry_point"] not in first["names"]:
        raise NameError(f"the program defines no {told['entry_point']}")
    namespace: dict[str, Any] = {"__name__": "tests"}
    exec(compile(told["prompt"], "<prompt>", "exec"), namespace)
    needed = {told["entry_point"], *_unknown(told["tests"], namespace)}
    peer = Peer(line, voice.say)
    namespace |= {name: Remote(peer, {"name": name}) for name in first["names"] if name in needed}
    exec(compile(told["tests"], "<tests>", "exec"), namespace)


def _unknown(tests: str, known: dict[str, Any]) -> set[str]:
    """Names that the tests use and nobody but the program can have defined, like a class of its own."""
    nodes = list(ast.walk(ast.parse(tests)))
    made = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    made |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            made |= {(name.asname or name.name).partition(".")[0] for name in node.names}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return used - made - known.keys() - set(dir(builtins))
