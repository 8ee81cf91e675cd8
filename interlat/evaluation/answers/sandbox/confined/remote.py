"""What a test holds of a program: names and objects that live in the program's process. Knows no test.

They can be called, read, iterated and measured, which happens over there. Comparison does not: two are equal if they are the same object,
whatever the program says.
"""

import builtins
from collections.abc import Callable
from typing import Any

from .wire import Closed, Line, decode, encode

ENDED = "the program ended before its tests did"


class Ended(BaseException):
    """What the program did ends its tests, as it would if it ran among them: it exited, or interrupted itself."""


class Peer:
    """The program's process, as the tests reach it.

    Args:
        line: to it.
        ended: called with the reason where the tests cannot go on; does not return, so that no test catches it.
    """

    def __init__(self, line: Line, ended: Callable[[str], Any]) -> None:
        self._line, self._ended = line, ended

    def ask(self, target: dict[str, Any], do: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Have something done over there.

        Raises:
            Exception: as the program raised it, if it is of Python's own kinds; else RuntimeError.
        """
        message = {
            "target": target,
            "do": do,
            "arguments": self._encoded(list(arguments)),
            "keywords": self._encoded(keywords),
        }
        try:
            self._line.send(message)
            reply = self._line.receive()
        except Closed:
            self._ended(ENDED)
        if "value" not in reply:
            error = as_error(reply)
            if isinstance(error, Ended):
                self._ended(str(error))
            raise error
        for mine, theirs in zip(arguments, self._decoded(reply.get("arguments", [])), strict=False):
            _follow(mine, theirs)
        return self._decoded(reply["value"])

    def _encoded(self, value: Any) -> Any:
        return encode(value, _target)

    def _decoded(self, sent: Any) -> Any:
        return decode(sent, lambda kind, which: Remote(self, {kind: which}))


def _target(value: Any) -> dict[str, Any]:
    if isinstance(value, Remote):
        target: dict[str, Any] = object.__getattribute__(value, "_target")
        return target
    raise TypeError(f"a test gives the program a {type(value).__name__}, which is no plain data")


class Remote:
    """A name or an object of the program.

    Args:
        peer: where it lives.
        target: ``{"name": ...}`` or ``{"object": ...}``.
    """

    __slots__ = ("_peer", "_target")

    def __init__(self, peer: Peer, target: dict[str, Any]) -> None:
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_target", target)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Called over there."""
        return _ask(self, "call", arguments, keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ask(self, "get", (name,))

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", (name, value))

    def __iter__(self) -> Any:
        return _ask(self, "iterate", ())

    def __next__(self) -> Any:
        return _ask(self, "next", ())

    def __len__(self) -> int:
        return int(_ask(self, "length", ()))

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", (key,))

    def __contains__(self, item: Any) -> bool:
        return bool(_ask(self, "contains", (item,)))

    def __bool__(self) -> bool:
        return bool(_ask(self, "truth", ()))


def as_error(reply: dict[str, Any]) -> BaseException:
    """The error that the program's process tells of, as one of Python's own."""
    kinds = [getattr(builtins, str(name), None) for name in reply["kinds"]]
    own = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseException)]
    reason = f"{reply['error']}: {reply['reason']}".removesuffix(": ")
    if not own or not issubclass(own[0], Exception):
        return Ended(reason)
    return own[0](reply["reason"]) if own[0] not in _OF_MORE_THAN_A_TEXT else RuntimeError(reason)


_OF_MORE_THAN_A_TEXT = (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError, ExceptionGroup)


def _ask(remote: Remote, do: str, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> Any:
    peer: Peer = object.__getattribute__(remote, "_peer")
    return peer.ask(_target(remote), do, arguments, keywords or {})


def _follow(mine: Any, theirs: Any) -> None:
    """Change a list, a set or a dict as the program changed its copy."""
    if isinstance(mine, list):
        mine[:] = theirs
    elif isinstance(mine, (set, dict)):
        mine.clear()
        mine.update(theirs)
