"""A study: which tables to make of which evaluated runs, read from a YAML file. Knows no numbers and no layout of a table.

env: household                          games, step cap and splits that all rows share
max_steps: 20
splits: [seen, unseen]
seeds: [0, 1, 2]                        training seeds that are expected; one that is not there is shown as missing
tables:
  table1:                               name of the files
    title: Success and steps
    rows:                               the first is the one that others are compared with
      - {label: Ours, run: "seed-{seed}/stage1", condition: latent}

Of a benchmark's problems, methods are compared: max_steps is 1, and run names the folder of an `interlat-eval --method`'s --out itself.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from interlat.data.games import EnvName
from interlat.data.reasoning.benchmarks import BenchmarkName
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import parse_conditions
from interlat.evaluation.settings import EvalSettings

SEED = "{seed}"
SplitName = Literal["train", "seen", "unseen"]


@dataclass(frozen=True)
class TableRow:
    """One row of a table.

    Args:
        label: as the paper calls it.
        run: run folder of the actor below the folder of all runs, or the evaluation's own folder where methods are compared; ``{seed}``
            stands for the seed.
        condition: that this run was evaluated under, like ``latent:8+random-rot``.

    Raises:
        InvalidSetting: if the run names no seed, or there is no such condition.
    """

    label: str
    run: str
    condition: str

    def __post_init__(self) -> None:
        if SEED not in self.run:
            raise InvalidSetting(f"run of row {self.label!r} must have {SEED} where the seed goes, got {self.run!r}")
        written = parse_conditions(self.condition)
        if [of.name for of in written] != [self.condition]:
            raise InvalidSetting(
                f"row {self.label!r} wants one condition, written as results have it: {written[0].name}, got {self.condition!r}"
            )


@dataclass(frozen=True)
class TableDescription:
    """One table.

    Args:
        title: what it is about.
        rows: in order; the first is the one that others are compared with.

    Raises:
        InvalidSetting: if there is no row, or two have the same label.
    """

    title: str
    rows: list[TableRow]

    def __post_init__(self) -> None:
        twice = [label for label, count in Counter(row.label for row in self.rows).items() if count > 1]
        if not self.rows or twice:
            raise InvalidSetting(
                f"table {self.title!r} needs rows with labels of their own, got {twice or 'no row'}; rename or add rows"
            )


@dataclass(frozen=True)
class Study:
    """Several tables over the same games and seeds.

    Args:
        env: games that were played, or problems that methods answered.
        max_steps: step cap they were played under; 1 for problems.
        splits: of the games, in the order of the columns.
        seeds: training seeds.
        tables: by name of their files.

    Raises:
        InvalidSetting: if there is no split, seed or table.
    """

    env: EnvName | BenchmarkName
    max_steps: int
    splits: list[SplitName]
    seeds: list[int]
    tables: Mapping[str, TableDescription]

    def __post_init__(self) -> None:
        for name in ("splits", "seeds", "tables"):
            values = list(getattr(self, name))
            if not values or len(set(values)) < len(values):
                raise InvalidSetting(f"a study needs {name}, each once, got {values}")
        if self.compares_methods and self.max_steps != 1:
            raise InvalidSetting(
                f"a problem of {self.env} is answered in one step, got max_steps {self.max_steps}; write max_steps: 1"
            )

    @property
    def compares_methods(self) -> bool:
        """Whether rows are ways for agents to answer problems, and not actors that play games."""
        return self.env in get_args(BenchmarkName)

    def folder(self, runs: Path, row: TableRow, seed: int, split: SplitName) -> Path:
        """Where `interlat-eval` keeps the evaluation of a row's run by default; a row of methods names the folder itself."""
        checkpoint = runs / row.run.replace(SEED, str(seed))
        if self.compares_methods:
            return checkpoint
        folder = EvalSettings(env=self.env, split=split, checkpoint=checkpoint, max_steps=self.max_steps).folder
        assert folder is not None  # it has a checkpoint
        return folder


def read_study(path: Path) -> Study:
    """Read the description of a study.

    Raises:
        InvalidSetting: if the file is not there, is no such description, or contradicts itself.
    """
    parser = ArgumentParser(exit_on_error=False, parser_mode="yaml")
    parser.add_class_arguments(Study, "study")
    try:
        found = parser.parse_object({"study": yaml.safe_load(path.read_text(encoding="utf-8"))})
        study: Study = parser.instantiate(found).study
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ArgumentError) as error:
        raise InvalidSetting(
            f"wanted the description of a study in '{path}', like recipes/tables/household.yaml, but {error}"
        ) from error
    return study
