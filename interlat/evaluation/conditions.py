"""What an actor is given while it is measured: a kind of message, its length, and a control on its way.

Written ``latent``, ``latent:8``, ``latent:50%``, ``latent+cross-task``, ``latent:8+random-rot``, ``text``, ``none``. Knows no messages.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from interlat.errors import InvalidSetting

MessageKind = Literal["latent", "text", "none"]
CROSS_TASK = "cross-task"  # the message of another game: not a function of one message, so not among interlat.controls
_WRITTEN = re.compile(r"(?P<message>[a-z]+)(:(?P<length>\d+%?))?(\+(?P<control>.+))?")


@dataclass(frozen=True)
class Condition:
    """One row of a comparison.

    Args:
        message: kind of message.
        length: latents of the message, or as a float below 1 the share of them that is kept; None is the full message.
        control: what is done to it on its way.

    Raises:
        InvalidSetting: if the three do not go together, or there is no such control.
    """

    message: str = "none"
    length: int | float | None = None
    control: str | None = None

    def __post_init__(self) -> None:
        if self.message not in get_args(MessageKind):
            raise InvalidSetting(f"no message is called {self.message!r}; choose {', '.join(get_args(MessageKind))}")
        if self.length is not None:
            self._check_length(self.length)
        if self.control is not None:
            self._check_control(self.control)

    def _check_length(self, length: int | float) -> None:
        if self.message != "latent" or length < (1 if isinstance(length, int) else 0.01):
            raise InvalidSetting(
                f"a length counts latents, so it needs --message latent and at least 1, got {length} for "
                f"{self.message!r}; leave it out for the full message"
            )
        if isinstance(length, float) and length >= 1:
            raise InvalidSetting(
                f"a share of a message is below 100%, got {length:.0%}; leave it out for the full message"
            )

    def _check_control(self, control: str) -> None:
        # Every control works on latents but cross-task, which takes another game's message of the same kind.
        if self.message == "none" or (self.message == "text" and control != CROSS_TASK):
            raise InvalidSetting(
                f"control {control!r} has nothing to work on in a {self.message!r} message; use latent"
            )
        from interlat.controls import NAMED_CONTROLS  # needs torch, which scripted policies start without

        if control not in (CROSS_TASK, *NAMED_CONTROLS):
            known = ", ".join((CROSS_TASK, *NAMED_CONTROLS))
            raise InvalidSetting(f"no control is called {control!r}; choose one of {known}")

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        length = "" if self.length is None else f":{_written_length(self.length)}"
        control = "" if self.control is None else f"+{self.control}"
        return f"{self.message}{length}{control}"


def parse_conditions(written: str) -> tuple[Condition, ...]:
    """Read a comma list of conditions; the first is the one that others are compared with.

    Raises:
        InvalidSetting: if one cannot be read or is named twice.
    """
    conditions = tuple(_parse(part.strip()) for part in written.split(","))
    names = [condition.name for condition in conditions]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidSetting(f"wanted each condition once, got {', '.join(twice)} more than once")
    return conditions


def _parse(written: str) -> Condition:
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise InvalidSetting(
            f"cannot read condition {written!r}; write MESSAGE[:LENGTH][+CONTROL], like latent:8, latent:50% or latent+cross-task"
        )
    return Condition(found["message"], _read_length(found["length"]), found["control"])


def _read_length(written: str | None) -> int | float | None:
    if written is None:
        return None
    return int(written[:-1]) / 100 if written.endswith("%") else int(written)


def _written_length(length: int | float) -> str:
    return f"{round(100 * length)}%" if isinstance(length, float) else str(length)
