"""The process of a program: runs it, then does with its functions what the tests ask. Knows no test.

Everything in this process is the program's to change. It can therefore lie about what its functions give, and no more.
"""

import sys
import types
from collections.abc import Callable
from typing import Any

from .confinement import confine, job
from .wire import Closed, Line, decode, encode

LONGEST_REASON = 300  # characters of an error's message
_MOST_NAMES = 10_000


def main() -> None:
    """Confine this process, run the program, serve its tests until they end."""
    told = job()
    line = Line(*told["pipes"])
    try:
        confine(told["limits"], told["packages"], told["unconfined"])
    except (OSError, ValueError, AttributeError, KeyError) as error:
        line.send({"trouble": f"{type(error).__name__}: {error}"})
        return
    line.send({"confined": True})
    program = types.ModuleType("program")
    sys.modules["program"] = program
    try:
        exec(compile(told["program"], "<program>", "exec"), vars(program))
    except BaseException as error:  # whatever the program does
        line.send(_failure(error))
        return
    line.send({"names": [name for name in list(vars(program))[:_MOST_NAMES] if isinstance(name, str)]})
    _serve(line, vars(program))


def _serve(line: Line, names: dict[str, Any]) -> None:
    objects: dict[int, Any] = {}  # by identity, which is theirs alone as long as they are kept here

    def keep(value: Any) -> dict[str, Any]:
        objects[id(value)] = value
        return {"object": id(value)}

    def known(kind: str, which: Any) -> Any:
        return names[which] if kind == "name" else objects[which]

    while True:
        try:
            asked = line.receive()
        except Closed:
            return
        try:
            target = decode(asked["target"], known)
            arguments = decode(asked["arguments"], known)
            before = encode(arguments, keep)
            given = _DEEDS[asked["do"]](target, *arguments, **decode(asked["keywords"], known))
            reply = {"value": encode(given, keep)}
            if (after := encode(arguments, keep)) != before:
                reply["arguments"] = after
        except BaseException as error:  # whatever the program does
            reply = _failure(error)
        line.send(reply)


def _failure(error: BaseException) -> dict[str, Any]:
    try:
        reason = str(error)[:LONGEST_REASON]
    except BaseException:  # the error is the program's too
        reason = ""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    return {"error": type(error).__name__, "kinds": kinds, "reason": reason}


def _call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    return function(*arguments, **keywords)


_DEEDS: dict[str, Callable[..., Any]] = {
    "call": _call,
    "get": getattr,
    "set": setattr,
    "iterate": iter,
    "next": next,
    "length": len,
    "item": lambda of, key: of[key],
    "contains": lambda of, item: item in of,
    "truth": bool,
}
