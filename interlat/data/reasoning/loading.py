"""Brings a benchmark's rows in: from a file that is named, from the folder of benchmarks, or from the hub. Knows no row's meaning."""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interlat.data.reasoning.benchmarks import Benchmark, Part
from interlat.errors import GameDataNotFound, InvalidSetting

FOLDER_VARIABLE = "INTERLAT_REASONING"
"""Names the folder in which benchmark files are looked for before the hub is asked."""
ENDINGS = (".jsonl", ".jsonl.gz", ".json")


def benchmark_file(benchmark: Benchmark, part: Part, path: str | None = None) -> Path | None:
    """The local file of a benchmark's part; None where the hub is to be asked.

    Args:
        benchmark: whose.
        part: of it.
        path: a file, or a folder with files named like the benchmark's, or as it is published; None takes the folder that
            INTERLAT_REASONING names.

    Raises:
        GameDataNotFound: if ``path`` is given and has no such file. A folder that only the variable names may lack it.
    """
    named = path if path is not None else os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    place = Path(named).expanduser()
    names = [f"{benchmark.name}_{part}{ending}" for ending in ENDINGS] + list(
        benchmark.published_as if part == "test" else ()
    )
    candidates = [place] if place.is_file() else [place / name for name in names]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None and path is not None:
        raise GameDataNotFound(
            f"wanted {benchmark.name}'s {part} problems at '{path}', but it is no file and holds none of "
            f"{', '.join(candidate.name for candidate in candidates)}; correct the path"
        )
    return found


def rows_of_file(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a .jsonl, .jsonl.gz or .json file, each with its number from 1.

    Raises:
        GameDataNotFound: if the file cannot be read or a row is no object.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            if path.suffix == ".json":
                rows: list[Any] = json.load(file)
            else:
                rows = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError, EOFError) as error:
        raise GameDataNotFound(
            f"wanted problems in '{path}', one JSON object a line, but it cannot be read ({error}); fetch it again or correct it"
        ) from error
    if not isinstance(rows, list) or not rows:
        raise GameDataNotFound(
            f"wanted at least one problem in '{path}', got none; fetch it again or name another file"
        )
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise GameDataNotFound(
                f"row {number} of '{path}' is {type(row).__name__}, wanted an object; correct the file"
            )
        yield number, row


def rows_of_hub(benchmark: Benchmark, part: Part) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows of a benchmark on the hub, each with a name that does not change: subset and number.

    Raises:
        InvalidSetting: if the benchmark has no such part.
        GameDataNotFound: if the package `datasets` is not installed or the hub is not within reach.
    """
    hub = benchmark.hub
    if part not in hub.splits:
        raise InvalidSetting(
            f"{benchmark.name} has no {part} problems, only {' and '.join(hub.splits)}; name a file, or another benchmark"
        )
    local = f"put {benchmark.name}_{part}.jsonl into a folder and name it in {FOLDER_VARIABLE}"
    try:
        from datasets import load_dataset  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise GameDataNotFound(
            f"{benchmark.name} is read from the hub ({hub.repository}) with the package 'datasets', which is not installed; "
            f"run: pip install 'interlat[reasoning]', or {local}"
        ) from error
    for subset in hub.subsets:
        try:
            rows = load_dataset(hub.repository, subset, split=hub.splits[part])
        except Exception as error:  # whatever stands between here and the hub
            raise GameDataNotFound(
                f"wanted {benchmark.name} from the hub ({hub.repository}, {subset}), but it cannot be loaded "
                f"({type(error).__name__}: {error}); try again where the hub is within reach, or {local}"
            ) from error
        for number, row in enumerate(rows, start=1):
            yield f"{subset}/{number}", row
