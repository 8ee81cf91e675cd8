"""The texts put before agents, one file each; knows nothing of tokenizers or models."""

from functools import cache
from importlib.resources import files


@cache
def prompt(name: str) -> str:
    """The text of ``<name>.txt`` in this folder, without surrounding blank lines."""
    return (files(__package__) / f"{name}.txt").read_text(encoding="utf-8").strip()
