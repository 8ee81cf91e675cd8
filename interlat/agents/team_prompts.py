"""What each member of a team reads, as text: its role, the task, its part of the house, and where a message begins.

Knows no tokenizer, no model and no environment.
"""

import re
import zlib
from collections.abc import Mapping
from pathlib import Path

from interlat.agents.prompts import prompt
from interlat.agents.team_settings import Member, TeamSettings
from interlat.errors import InvalidSetting

_PLACE = re.compile(r" (?:in|on) ([^.]+)\.$")  # as a house is listed: "There is a mug 2 in cabinet 3."


def role_texts(settings: TeamSettings) -> dict[str, str]:
    """What each member is asked to do, by its name.

    Raises:
        InvalidSetting: if a role is neither a prompt of the library nor a text file.
    """
    return {member.name: _role_text(member) for member in settings.members}


def member_text(member: Member, roles: Mapping[str, str], opening: str, house: str | None, hears_someone: bool) -> str:
    """A member's user turn, up to where a message would begin.

    Args:
        member: who reads.
        roles: what each member is asked to do.
        opening: the first observation with the task.
        house: where things are, in words; None where nobody is told.
        hears_someone: whether a message follows.

    Raises:
        InvalidSetting: if the member reads of the house and there is nothing to read.
    """
    parts = [roles[member.name]]
    if member.task:
        parts.append(opening)
    if member.house_part is not None:
        if house is None:
            raise InvalidSetting(
                f"member '{member.name}' reads {member.house} of the house, but nobody is told where things are; "
                "take a sender with view: house in the data, or set house: none"
            )
        parts.append(f"{prompt('sender_house')}\n{house_part(house, *member.house_part)}")
    if hears_someone:
        parts.append(f"{prompt(member.heard_as)}\n")
    return "\n\n".join(parts)


def house_part(house: str, part: int, num_parts: int) -> str:
    """The lines of a house that tell of one part of its receptacles, in their order.

    Receptacles are dealt out in turn, sorted by name, so that every part has some of each kind and each receptacle is in
    exactly one part. Which part is dealt to first depends on the house's text alone: it is the same in every run, and no
    part has the first cabinet of every house. A line that names no receptacle is in all.

    Args:
        house: one sentence a line, "There is a mug 2 in cabinet 3.".
        part: which, counted from 0.
        num_parts: how many.
    """
    places = [found[1] if (found := _PLACE.search(line)) else None for line in house.splitlines()]
    first = (part + zlib.crc32(house.encode())) % num_parts
    mine = sorted({place for place in places if place is not None})[first::num_parts]
    return "\n".join(
        line for line, place in zip(house.splitlines(), places, strict=True) if place is None or place in mine
    )


def _role_text(member: Member) -> str:
    if member.role.endswith(".txt"):
        try:
            return Path(member.role).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidSetting(f"the role of member '{member.name}' cannot be read: {error}") from error
    try:
        return prompt(f"role_{member.role}")
    except FileNotFoundError as error:
        raise InvalidSetting(
            f"no role is called {member.role!r} (member '{member.name}'); take strategist, compiler, explorer, critic or planner, "
            "or write your own into a file that ends in .txt and give its path"
        ) from error
