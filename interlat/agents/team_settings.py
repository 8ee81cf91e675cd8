"""What a team is made of: its members as data, and who hears whom. Knows no model, no environment and no Lightning."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from interlat.errors import InvalidSetting
from interlat.models import Lora

ACTOR = "actor"  # the output member: the only one that is not listed, and the only one that acts
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({ACTOR, "shared", "clear", "items", "keys", "pop", "update", "values", "type", "train", "eval"})
_PART = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclass(frozen=True)
class Member:
    """A member that thinks and says its message in latents; any member but the actor.

    Args:
        name: lower case; others hear it under this name.
        role: what it is asked to do: a prompt of the library (``strategist``, ``compiler``, ``explorer``, ``critic``,
            ``planner``), or a text file of your own (a path that ends in .txt).
        hears: members whose messages it reads, in the order in which it reads them.
        house: how much of the listing of where things are it reads: ``none``, ``all``, or a part such as ``1/2``, the
            receptacles dealt out in turn. Anything but ``none`` needs a sender with ``view: house`` in the data.
        task: whether it reads the first observation with the task.
        heard_as: the prompt of the library that stands before what it hears: ``team_heard`` suits any task; ``sender_house``,
            which says that a house is told, is the one that models taught on households know.
        num_latents: K, how many latents it says; the paper's teams say 32.
        backbone: a model of its own; None takes the team's.

    Raises:
        InvalidSetting: if a value is out of range.
    """

    name: str
    role: str
    hears: tuple[str, ...] = ()
    house: str = "none"
    task: bool = True
    heard_as: Literal["team_heard", "sender_house"] = "team_heard"
    num_latents: int = 32
    backbone: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _RESERVED:
            raise InvalidSetting(
                f"a member is named in lower case letters, digits and _, and not '{ACTOR}', got {self.name!r}; choose another name"
            )
        if self.num_latents < 1:
            raise InvalidSetting(f"member '{self.name}' must say at least 1 latent, got {self.num_latents}")
        if not (self.task or self.hears or self.house != "none"):
            raise InvalidSetting(
                f"member '{self.name}' reads neither task nor house nor message; give it something to read"
            )
        _ = self.house_part  # reads it, so that a wrong one is refused here

    @property
    def house_part(self) -> tuple[int, int] | None:
        """Which part of how many of the house it reads, counted from 0; (0, 1) is all of it, None nothing.

        Raises:
            InvalidSetting: if it is written otherwise than ``none``, ``all`` or ``PART/PARTS``.
        """
        if self.house in ("none", "all"):
            return None if self.house == "none" else (0, 1)
        found = _PART.fullmatch(self.house)
        if found is None or int(found[1]) > int(found[2]):
            raise InvalidSetting(
                f"member '{self.name}' reads of the house 'none', 'all' or a part like '1/2', got {self.house!r}"
            )
        return int(found[1]) - 1, int(found[2])


@dataclass(frozen=True)
class TeamSettings:
    """What a team is made of: any number of members that speak in latents, before an actor that acts on what it hears.

    Args:
        members: who speaks, in any order.
        actor_hears: members whose messages the actor reads, joined by a learned fusion where there are several.
        backbone: model of the members.
        tokenizer: another model whose tokenizer and chat template to take; None takes the backbone's.
        weights: ``own`` gives each member its own copy to train; ``shared`` trains one copy for all; ``frozen`` trains
            none, so that only bridges, links and fusions learn.
        lora: low-rank adaptation of the trained copies; None trains every weight.
        start: of bridges and links. ``random`` as in the paper; ``fitted`` maps states to the embeddings of the tokens they
            predict, so that members start by passing on plans (``Bridge.fit``, ``CommunicationAdapter.fit``).
        link_heads: attention heads of the links, the adapters with which members hear; must divide their width.
        link_dropout: on the links' attention.
        dtype: of the weights.

    Raises:
        InvalidSetting: if two members have one name, someone hears a member that is not there or is not heard by anyone,
            members hear each other in a circle, or settings contradict.
    """

    members: tuple[Member, ...]
    actor_hears: tuple[str, ...]
    backbone: str
    tokenizer: str | None = None
    weights: Literal["own", "shared", "frozen"] = "own"
    lora: Lora | None = None
    start: Literal["random", "fitted"] = "random"
    link_heads: int = 8
    link_dropout: float = 0.1
    dtype: str = "float32"

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidSetting(f"wanted each member once, got {', '.join(twice)} more than once; rename one")
        for listener, heard in [*((member.name, member.hears) for member in self.members), (ACTOR, self.actor_hears)]:
            _check_hearing(listener, heard, names)
        if self.weights == "frozen" and self.lora is not None:
            raise InvalidSetting(
                "weights: frozen trains no language model, so lora has no place; leave one of them out"
            )
        if self.weights != "own" and any(member.backbone is not None for member in self.members):
            raise InvalidSetting(
                f"weights: {self.weights} is one model for all members, but some name a backbone; take weights: own"
            )
        _ = self.order  # sorts, so that a circle is refused here

    @property
    def order(self) -> tuple[Member, ...]:
        """The members, each behind those it hears; as listed where that leaves it open."""
        by_name = {member.name: member for member in self.members}
        return tuple(by_name[name] for name in self._sorted())

    def model_of(self, member: Member) -> str:
        """Under which name a member's language model is kept: its own, or the one of all."""
        return member.name if self.weights == "own" else "shared"

    def _sorted(self) -> list[str]:
        names = [member.name for member in self.members]
        graph = {ACTOR: self.actor_hears, **{member.name: member.hears for member in self.members}}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = " hears ".join(reversed(error.args[1]))
            raise InvalidSetting(
                f"members hear each other in a circle: {circle}; a member can only hear those who spoke before it"
            ) from error
        useful = _heard_by(ACTOR, graph)
        useless = [name for name in names if name not in useful]
        if useless:
            raise InvalidSetting(
                f"nothing that {', '.join(useless)} says ever reaches the actor, so it cannot learn; let someone hear it or leave it out"
            )
        spoken: list[str] = []
        while len(spoken) < len(names):
            spoken += [name for name in names if name not in spoken and set(graph[name]) <= set(spoken)][:1]
        return spoken


def team_settings(fields: dict[str, Any]) -> TeamSettings:
    """Settings out of a stage file."""
    lora = fields.get("lora")
    return TeamSettings(
        **{
            **fields,
            "members": tuple(Member(**{**each, "hears": tuple(each["hears"])}) for each in fields["members"]),
            "actor_hears": tuple(fields["actor_hears"]),
            "lora": None if lora is None else Lora(**{**lora, "target_modules": tuple(lora["target_modules"])}),
        }
    )


def _check_hearing(listener: str, heard: tuple[str, ...], names: list[str]) -> None:
    unknown = [name for name in heard if name not in names]
    if unknown:
        raise InvalidSetting(
            f"'{listener}' hears {', '.join(map(repr, unknown))}, but the members are {', '.join(names)}; correct the name"
        )
    if len(set(heard)) < len(heard):
        raise InvalidSetting(f"'{listener}' hears a member twice: {', '.join(heard)}; name each once")
    if listener == ACTOR and not heard:
        raise InvalidSetting("the actor hears nobody; name those it hears in actor_hears")


def _heard_by(listener: str, graph: dict[str, tuple[str, ...]]) -> set[str]:
    """All whose words reach a listener, directly or through others."""
    reached: set[str] = set()
    waiting: Iterable[str] = graph[listener]
    while waiting:
        reached |= set(waiting)
        waiting = {name for heard in waiting for name in graph[heard]} - reached
    return reached
