"""The JSON file of an analysis: its result, and what made it. Knows no analysis."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interlat.evaluation.settings import PROTOCOL_VERSION


@dataclass(frozen=True)
class Origin:
    """What made a result.

    Args:
        settings: what decides the numbers, JSON values only.
        command: as it was typed.
        commit: of this library.
    """

    settings: Mapping[str, Any]
    command: str
    commit: str


def write_analysis(folder: Path, name: str, result: Any, origin: Origin) -> Path:
    """Write ``<name>.json`` as a whole or not at all; an earlier result of the same name is replaced.

    Args:
        folder: made where it is missing.
        name: of the analysis.
        result: a dataclass of numbers, strings, tuples and dataclasses of these.
        origin: what made it.

    Returns:
        The file.

    Raises:
        ValueError: if a number is not finite, which JSON cannot hold.
    """
    content = {
        "analysis": name,
        "protocol_version": PROTOCOL_VERSION,
        "command": origin.command,
        "commit": origin.commit,
        "settings": dict(origin.settings),
        "result": asdict(result),
    }
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
    return path
