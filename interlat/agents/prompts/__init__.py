"""The texts put before agents, one file each; knows nothing of tokenizers or models."""

from functools import cache
from importlib.resources import files


@cache
def prompt(name: str) -> str:
    """The text of ``<name>.txt`` in this folder, without surrounding blank lines."""
    return prompt_file(f"{name}.txt").strip()


def prompt_file(path: str) -> str:
    """A file of this folder as it is."""
    return files(__package__).joinpath(path).read_text(encoding="utf-8")
