r"""Finds what is boxed in a LaTeX text: ``\boxed{...}`` and ``\fbox{...}`` with braces nested to any depth. Knows no grader."""

import re
from dataclasses import dataclass

# A box with its brace, a box of one word, an escaped character, or a brace.
_PIECE = re.compile(
    r"\\(?:boxed|fbox)(?![a-zA-Z])\s*(?:(?P<open>\{)|(?P<word>[^\s${}]+))|\\.|(?P<brace>[{}])", re.DOTALL
)


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
    r"""All complete boxes in order; of nested boxes the outer one. Time grows with the text's length, whatever is in it.

    ``\boxed 7`` boxes what follows up to the next blank or dollar, as some published solutions write it. A box that is never closed
    was cut off in the middle and is none: of ``\boxed{12`` nobody knows how the number goes on.
    """
    found: list[Box] = []
    opened: list[tuple[int, int] | None] = []  # for every open brace, where its box and the box's content start
    for piece in _PIECE.finditer(text):
        if piece["word"] is not None:
            found.append(Box(piece["word"], piece.start(), piece.end()))
        elif piece["open"] is not None:
            opened.append((piece.start(), piece.end()))
        elif piece["brace"] == "{":
            opened.append(None)
        elif piece["brace"] == "}" and opened:
            box = opened.pop()
            if box is not None:
                while found and found[-1].start > box[0]:
                    found.pop()  # it lies within this one
                found.append(Box(text[box[1] : piece.start()].strip(), box[0], piece.end()))
    return found


def last_box(text: str) -> str | None:
    """The content of the last box; None if there is none."""
    found = boxes(text)
    return found[-1].content if found else None
