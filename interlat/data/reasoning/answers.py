"""Right answers that are more than a text: an option of several, and tests that a program must pass. Knows no grader and no file."""

from dataclasses import dataclass
from string import ascii_uppercase
from typing import TypeAlias

from interlat.errors import InvalidSetting


@dataclass(frozen=True)
class Choice:
    """The right one of several options.

    Args:
        label: its letter or number, as the question shows it.
        options: what each option says, in the order of labels; empty where only the question's text tells.
        labels: of all options, like A to D or 1 to 4.

    Raises:
        InvalidSetting: if the label is none of the labels, or there are not as many options as labels.
    """

    label: str
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("A", "B", "C", "D")

    def __post_init__(self) -> None:
        if self.label not in self.labels:
            raise InvalidSetting(
                f"the right option is {self.label!r}, but the options are {', '.join(self.labels)}; correct the problem"
            )
        if self.options and len(self.options) != len(self.labels):
            raise InvalidSetting(
                f"{len(self.options)} options have {len(self.labels)} labels; give each option one label"
            )

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class CodeTests:
    """What a program must do.

    Args:
        tests: source code that runs to its end if the program is right, and raises if not. It may call whatever the program defines.
        entry_point: the function that is asked for.
        prompt: source code that a completion goes on from, up to the end of the function's docstring; empty where a whole program is
            asked for.
        setup: source code that the tests need beside the program, as MBPP has it for its trees.
    """

    tests: str
    entry_point: str
    prompt: str = ""
    setup: str = ""

    def __str__(self) -> str:
        return self.tests


Answer: TypeAlias = str | Choice | CodeTests
"""A right answer: a text, for numbers and mathematics; an option; tests."""


def lettered(question: str, options: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A question with its options below it, one a line behind a letter, and the letters.

    Raises:
        ValueError: if there are fewer than two options, or more than letters.
    """
    if not 2 <= len(options) <= len(ascii_uppercase):
        raise ValueError(f"has {len(options)} options")
    labels = tuple(ascii_uppercase[: len(options)])
    lines = (f"{label}. {option}" for label, option in zip(labels, options, strict=True))
    return "\n".join((question, *lines)), labels
