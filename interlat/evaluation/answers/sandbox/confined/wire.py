"""Values as lines of text between the process of a program and that of its tests. Knows no program.

Only plain data crosses: numbers, texts, lists and the like, rebuilt on the other side as what they are and nothing more. Any other
object stays where it is, and its number or name stands for it, so that no object of a program ever gets among its tests, with an
``__eq__`` that says yes.
"""

import json
import os
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, TextIO

LONGEST_LINE = 64 * 2**20
_EXACT = 2**53  # larger integers travel as text, which no reader of JSON rounds
_CONTAINERS: tuple[type[Any], ...] = (tuple, set, frozenset, deque)
_KINDS: tuple[type[Any], ...] = (bool, int, float, complex, str, bytes, list, dict, *_CONTAINERS)
_TYPES = {kind.__name__: kind for kind in _KINDS}
_READERS: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "complex": lambda parts: complex(*parts),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "range": lambda parts: range(*(int(part, 16) for part in parts)),
    "Fraction": lambda parts: Fraction(*(int(part, 16) for part in parts)),
    "Decimal": Decimal,
    "type": _TYPES.__getitem__,
}


class Closed(Exception):  # noqa: N818  # named after what happened
    """The other side ended, or wrote what it may not."""


def encode(value: Any, keep: Callable[[Any], dict[str, Any]]) -> Any:
    """A value as JSON can hold it.

    Args:
        value: of any kind. A kind derived from a plain one is sent as the plain one.
        keep: takes in an object that is no plain data, and gives what stands for it: {"object": number} or {"name": name}.
    """
    if value is None or isinstance(value, (bool, float, str)):
        return _bare(value)
    if isinstance(value, int):
        return int(value) if -_EXACT < value < _EXACT else {"int": hex(value)}
    if isinstance(value, list):
        return [encode(item, keep) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encode(key, keep), encode(item, keep)] for key, item in value.items()]}
    for kind in _CONTAINERS:
        if isinstance(value, kind):
            return {kind.__name__: [encode(item, keep) for item in value]}
    return _rare(value, keep)


def decode(sent: Any, known: Callable[[str, Any], Any]) -> Any:
    """The value again.

    Args:
        sent: what ``encode`` made of it.
        known: gives what ("object", number) or ("name", name) stands for.

    Raises:
        ValueError: or another error, if it was not ``encode`` that made it.
    """
    if isinstance(sent, list):
        return [decode(item, known) for item in sent]
    if not isinstance(sent, dict):
        return sent
    ((name, held),) = sent.items()
    if name == "dict":
        return {decode(key, known): decode(item, known) for key, item in held}
    if name in ("object", "name"):
        return known(name, held)
    if name in _READERS:
        return _READERS[name](held)
    containers: dict[str, Callable[[Any], Any]] = {kind.__name__: kind for kind in _CONTAINERS}
    return containers[name](decode(item, known) for item in held)


def _bare(value: Any) -> Any:
    """Without what a derived kind adds."""
    if value is None or isinstance(value, bool):
        return value
    return float(value) if isinstance(value, float) else str.__str__(value)


def _rare(value: Any, keep: Callable[[Any], dict[str, Any]]) -> Any:
    match value:
        case complex():
            return {"complex": [value.real, value.imag]}
        case bytes() | bytearray():
            return {"bytes" if isinstance(value, bytes) else "bytearray": value.hex()}
        case range():
            return {"range": [hex(value.start), hex(value.stop), hex(value.step)]}
        case Fraction():
            return {"Fraction": [hex(value.numerator), hex(value.denominator)]}
        case Decimal():
            return {"Decimal": str(value)}
        case type() if value in _TYPES.values():
            return {"type": value.__name__}
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return encode(value.item(), keep)
    return keep(value)


class Line:
    """Messages to and from the other side, one a line.

    Args:
        reads: descriptor that is read from.
        writes: descriptor that is written to.
    """

    def __init__(self, reads: int, writes: int) -> None:
        self.reads: TextIO = os.fdopen(reads, encoding="ascii", errors="replace")
        self.writes = writes

    def send(self, message: Any) -> None:
        """Raises ``Closed`` if nobody is there to read it."""
        left = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while left:
                left = left[os.write(self.writes, left) :]
        except OSError as error:
            raise Closed("the other side has ended") from error

    def receive(self) -> Any:
        """Raises ``Closed`` if there is nothing more, or no message."""
        try:
            line = self.reads.readline(LONGEST_LINE)
            return json.loads(line)
        except (OSError, ValueError, RecursionError) as error:
            raise Closed("the other side has ended, or writes what is no message") from error
