"""The program in a text: fenced or not, whole or only the body that a prompt asks for, with prose around it. Runs nothing.

1. What was written up to ``</think>`` is left out.
2. With fences: of the blocks of Python (fences that name another language are passed over), the last one that defines the entry point.
   Earlier blocks that only import and define go before it. A fence that is never closed runs to the end of the text.
3. Without fences: from the first line that begins a program (``def``, ``class``, ``import``, ``from``, ``@``) as far as it is Python.
4. Where nothing defines the entry point and the prompt is the head of a function: the block or the text is its body, up to the first line
   that is not indented.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence

LONGEST_PROGRAM = 100_000  # characters
_MOST_STARTS, _MOST_CUTS = 20, 20  # tries to tell a program from the prose around it
_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`]*)[^\n`]*$", re.MULTILINE)
_PYTHON = ("", "python", "python3", "py", "python2")
_BEGINS = re.compile(r"(?:def|class|import|from|async def)\s|@\w")
_DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)


def program_in(text: str, entry_point: str, prompt: str = "") -> str | None:
    """The whole program that a text stands for, behind its prompt; None if there is none.

    Args:
        text: whatever a solver wrote.
        entry_point: the function that is asked for.
        prompt: the head of that function and what stands before it; empty where a whole program is asked for.
    """
    text = text.rpartition("</think>")[2]
    blocks = list(_blocks(text))
    whole = _defining(blocks, entry_point) or (None if blocks else _unfenced(text, entry_point))
    if whole is not None:
        program = f"{prompt}\n\n{whole}" if prompt else whole
    elif prompt:
        body = _body(prompt, blocks[-1] if blocks else text)
        program = "" if body is None else prompt + body
    else:
        program = blocks[-1] if blocks else ""
    return program if program.strip() and len(program) <= LONGEST_PROGRAM else None


def _blocks(text: str) -> Iterator[str]:
    """What is fenced as Python, in order."""
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence["mark"].startswith(opened["mark"]) and not fence["language"]:
            yield from _content(opened, text[opened.end() : fence.start()])
            opened = None
    if opened is not None:
        yield from _content(opened, text[opened.end() :])


def _content(fence: re.Match[str], content: str) -> Iterator[str]:
    if fence["language"].lower() in _PYTHON and content.strip():
        yield content.strip("\n")


def _defining(blocks: Sequence[str], entry_point: str) -> str | None:
    """The last block that defines the entry point, behind what earlier blocks define; None if there is none."""
    parsed = [_tree(_unindented(block)) for block in blocks]
    last = next((place for place in reversed(range(len(blocks))) if _defines(blocks[place], entry_point)), None)
    if last is None:
        return None
    before = [
        _unindented(block)
        for block, tree in zip(blocks[:last], parsed[:last], strict=True)
        if tree is not None
        and all(isinstance(part, _DEFINITIONS) for part in tree.body)
        and not _defines(block, entry_point)
    ]
    return "\n\n".join([*before, _unindented(blocks[last])])


def _unfenced(text: str, entry_point: str) -> str | None:
    """The lines from the first that begins a program which defines the entry point, as far as they are Python; None if there is none."""
    lines = text.splitlines()
    starts = [place for place, line in enumerate(lines) if _BEGINS.match(line)]
    for place in starts[:_MOST_STARTS]:
        program = _python(lines[place:]) if _defines("\n".join(lines[place:]), entry_point) else None
        if program is not None and _defines(program, entry_point):
            return program
    return None


def _python(lines: list[str]) -> str | None:
    """As many of these lines as are Python; None if not even the first is.

    Where a line cannot be read, all from there on goes, and then, until the rest is whole, the line before.
    """
    for _ in range(_MOST_CUTS):
        try:
            ast.parse("\n".join(lines))
        except SyntaxError as error:
            lines = lines[: min(len(lines), error.lineno or len(lines)) - 1]
        except (ValueError, RecursionError, MemoryError):
            return None
        else:
            return "\n".join(lines)
    return None


def _body(prompt: str, text: str) -> str | None:
    """A function's body, indented as the prompt's head asks for; None if the text is none.

    All of its lines, or the first one, may have lost their indentation; prose may stand before it.
    """
    lines = text.strip("\n").splitlines()
    if not lines:
        return None
    indented = next((place for place, line in enumerate(lines) if line[:1].isspace() and line.strip()), len(lines))
    for candidate in (lines, _indented(lines), ["    " + lines[0].lstrip(), *lines[1:]], lines[indented:]):
        body = "\n".join(_while_indented(candidate))
        if body.strip() and _tree(f"{prompt}\n{body}") is not None:
            return f"\n{body}\n"
    return None


def _while_indented(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() and not line[0].isspace():
            return
        yield line


def _indented(lines: Sequence[str]) -> list[str]:
    return textwrap.indent(textwrap.dedent("\n".join(lines)), "    ").splitlines()


def _unindented(block: str) -> str:
    return textwrap.dedent(block)


def _defines(block: str, name: str) -> bool:
    """Whether a block defines a name for itself, not within a class or a function."""
    head = rf"^(?:(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b|{re.escape(name)}[ \t]*=[^=])"
    return re.search(head, _unindented(block), re.MULTILINE) is not None


def _tree(program: str) -> ast.Module | None:
    try:
        return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
