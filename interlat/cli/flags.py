"""Command-line flags from the fields of a settings dataclass: one line of help each. Knows no settings."""

from argparse import HelpFormatter
from dataclasses import MISSING, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docstring_parser import parse
from jsonargparse import ArgumentParser

LONGEST_PLACEHOLDER = 50  # characters; a longer list of values is named by the help text or refused with the list


class ShortHelp(HelpFormatter):
    """Help beside the flag where it fits, without the types that jsonargparse would add."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=110)


def add_flags(parser: ArgumentParser, settings: type) -> None:
    """Add a flag for each field; a bool is a switch that is off by default.

    Args:
        parser: to be added to.
        settings: a dataclass whose docstring has an ``Args`` section; its texts are the help.
    """
    hints = get_type_hints(settings)
    texts = {param.arg_name: param.description or "" for param in parse(settings.__doc__ or "").params}
    for field in fields(settings):
        flag, text = f"--{field.name.replace('_', '-')}", " ".join(texts[field.name].split()).replace("%", "%%")
        if hints[field.name] is bool:
            parser.add_argument(flag, action="store_true", help=text)
            continue
        shown = "" if field.default in (None, MISSING) else f" (default: {field.default})"
        parser.add_argument(
            flag,
            type=hints[field.name],
            default=None if field.default is MISSING else field.default,
            metavar=_placeholder(field.name, hints[field.name]),
            help=text + shown,
        )


def _placeholder(name: str, hint: Any) -> str:
    """``{a,b}`` where few values are possible, else what kind of value is wanted."""
    for option in (hint, *get_args(hint)):
        if get_origin(option) is Literal:
            values = "{" + ",".join(map(str, get_args(option))) + "}"
            return values if len(values) <= LONGEST_PLACEHOLDER else name.upper()
    if int in (hint, *get_args(hint)):
        return "N"
    return {"checkpoint": "DIR", "out": "DIR", "conditions": "LIST"}.get(name, "NAME")
