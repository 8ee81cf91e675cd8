r"""Finds what is boxed in a LaTeX text: ``\boxed{...}`` and ``\fbox{...}`` with braces nested to any depth. Knows no grader."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
_SKIPPED = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is no brace


@dataclass(frozen=True)
class Box:
    """A box and where it stands.

    Args:
        content: what is in it, without surrounding blanks.
        start: of the command, as an index into the text.
        end: behind the closing brace.
    """

    content: str
    start: int
    end: int


def boxes(text: str) -> list[Box]:
    r"""All complete boxes in order; of nested boxes the outer one.

    ``\boxed 7`` boxes what follows up to the next blank or dollar, as some published solutions write it. A box that is never closed
    was cut off in the middle and is none: of ``\boxed{12`` nobody knows how the number goes on.
    """
    return list(_boxes(text))


def last_box(text: str) -> str | None:
    """The content of the last box; None if there is none."""
    found = boxes(text)
    return found[-1].content if found else None


def _boxes(text: str) -> Iterator[Box]:
    position = 0
    while found := _BOX.search(text, position):
        start = found.end()
        if text[start : start + 1] == "{":
            end = _closing(text, start)
            if end is None:
                position = found.end()
                continue
            yield Box(text[start + 1 : end].strip(), found.start(), end + 1)
            position = end + 1
        else:
            end = start + len(re.match(r"[^\s$]*", text[start:]).group())  # type: ignore[union-attr]  # matches anything
            if end > start:
                yield Box(text[start:end], found.start(), end)
            position = max(end, found.end())


def _closing(text: str, opening: int) -> int | None:
    """Where the brace that opens at ``opening`` closes."""
    depth = 0
    for found in _SKIPPED.finditer(text, opening):
        if found.group() == "{":
            depth += 1
        elif found.group() == "}":
            depth -= 1
            if depth == 0:
                return found.start()
    return None
