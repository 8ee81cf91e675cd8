"""What is compared: an actor with a message, or a way for agents to work together, written as one word.

    actors     latent   latent:8   latent:50%   latent+cross-task   latent:8+random-rot   kv   kv:8   kv+zero   text   none
    methods    single   single+whole   text-mas   latent-mas   latent-mas:40   latent-mas+zero   hybrid   diffmas+cross-task   sft

The number counts latents of a ``latent`` message, and latent steps of what is sent as keys and values. Knows no messages.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from interlat.errors import InvalidSetting

MessageKind = Literal["latent", "text", "none", "kv"]
MethodName = Literal["single", "text-mas", "latent-mas", "hybrid", "diffmas", "sft"]
LEARNT = ("diffmas", "sft")  # what a run has taught: a trace; or the last agent alone, which hears words or nothing
CROSS_TASK = "cross-task"  # the message of another game: not a function of one message, so not among interlat.controls
KV_CONTROLS = (CROSS_TASK, "zero", "permute", "untrained")
WHOLE = "whole"  # one agent is shown all parts of a question that is split between agents
SENDS_KV = ("kv", "latent-mas", "hybrid", "diffmas")
_WRITTEN = re.compile(r"(?P<message>[a-z]+(-[a-z]+)?)(:(?P<length>\d+%?))?(\+(?P<control>.+))?")


@dataclass(frozen=True)
class Condition:
    """One row of a comparison.

    Args:
        message: kind of message, or name of a method.
        length: latents of the message, or as a float below 1 the share of them that is kept; None is the full message. Where keys
            and values are sent, latent steps; None takes the settings'.
        control: what is done to it on its way.

    Raises:
        InvalidSetting: if the three do not go together, or there is no such control.
    """

    message: str = "none"
    length: int | float | None = None
    control: str | None = None

    def __post_init__(self) -> None:
        known = (*get_args(MessageKind), *get_args(MethodName))
        if self.message not in known:
            raise InvalidSetting(f"no message or method is called {self.message!r}; choose {', '.join(known)}")
        if self.length is not None:
            self._check_length(self.length)
        if self.control is not None:
            self._check_control(self.control)

    @property
    def is_method(self) -> bool:
        """Whether it is a way for agents to work together."""
        return self.message in get_args(MethodName)

    def _check_length(self, length: int | float) -> None:
        if self.message in SENDS_KV:
            if isinstance(length, float):
                raise InvalidSetting(
                    f"latent steps are counted, got {length:.0%} for {self.message!r}; write {self.message}:8"
                )
            return
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
        known = self._controls()
        if not known:
            raise InvalidSetting(
                f"control {control!r} has nothing to work on in a {self.message!r} message; use latent"
            )
        if control not in known:
            raise InvalidSetting(
                f"no control of {self.message!r} is called {control!r}; choose one of {', '.join(known)}"
            )

    def _controls(self) -> tuple[str, ...]:
        match self.message:
            case "latent":
                from interlat.controls import NAMED_CONTROLS  # needs torch, which scripted policies start without

                return (CROSS_TASK, *NAMED_CONTROLS)
            case "text":
                return (CROSS_TASK,)
            case "single":
                return (WHOLE,)
            case kind if kind in SENDS_KV:
                return KV_CONTROLS
            case _:
                return ()

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
            f"cannot read condition {written!r}; write MESSAGE[:LENGTH][+CONTROL], like latent:8, latent:50% or latent+cross-task, "
            "or METHOD[:STEPS][+CONTROL], like latent-mas:40 or latent-mas+zero"
        )
    return Condition(found["message"], _read_length(found["length"]), found["control"])


def _read_length(written: str | None) -> int | float | None:
    if written is None:
        return None
    return int(written[:-1]) / 100 if written.endswith("%") else int(written)


def _written_length(length: int | float) -> str:
    return f"{round(100 * length)}%" if isinstance(length, float) else str(length)
