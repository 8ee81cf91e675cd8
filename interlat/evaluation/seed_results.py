"""What a study's runs have played: each row's episodes for each seed, or the reason why there are none.

An evaluation counts when it is finished and has every game of its split; nothing is filled in for one that is not.
Knows no statistics and no layout of a table.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interlat.evaluation.episodes import (
    SETTINGS_FILE,
    EpisodeRecord,
    EpisodesMismatch,
    read_episodes,
    read_settings,
)
from interlat.evaluation.message_time_file import MessageTime, read_message_times
from interlat.evaluation.results import RESULTS_FILE, read_results
from interlat.evaluation.study import SplitName, Study, TableRow
from interlat.evaluation.summary import by_condition


@dataclass(frozen=True)
class Played:
    """A row's evaluation with one seed.

    Args:
        records: its episodes, without their texts.
        commit: of the library that played them.
        message_time: how long its messages take, where that was measured.
    """

    records: Sequence[EpisodeRecord]
    commit: str
    message_time: Sequence[MessageTime]


@dataclass(frozen=True)
class _Evaluation:
    """A folder of `interlat-eval`, read once."""

    conditions: Mapping[str, Sequence[EpisodeRecord]]
    commit: str
    message_times: Mapping[str, Sequence[MessageTime]]
    protocol_version: int


class SeedResults:
    """All evaluations of a study that there are.

    Args:
        study: which are wanted.
        runs: folder that holds them.

    Raises:
        EpisodesMismatch: if there is none, if one was played under other settings than the study's, or if two follow
            different protocols.
    """

    def __init__(self, study: Study, runs: Path) -> None:
        self.study, self.runs = study, runs
        self._found: dict[Path, _Evaluation] = {}
        self._games: defaultdict[str, set[str]] = defaultdict(set)
        rows = [row for table in self.study.tables.values() for row in table.rows]
        for split in self.study.splits:
            for folder in dict.fromkeys(self._folder(row, seed, split) for row in rows for seed in self.study.seeds):
                if (folder / SETTINGS_FILE).exists() and (folder / RESULTS_FILE).exists():
                    evaluation = self._found[folder] = self._read(folder, split)
                    played = {record.game_id for each in evaluation.conditions.values() for record in each}
                    self._games[split] |= played
        if not self._found:
            wanted = self._folder(rows[0], self.study.seeds[0], self.study.splits[0])
            raise EpisodesMismatch(
                f"wanted finished evaluations below {self.runs}, like {wanted}, and found none; "
                "name the folder that holds all runs, or evaluate them with interlat-eval --checkpoint"
            )
        versions = {evaluation.protocol_version for evaluation in self._found.values()}
        if len(versions) > 1:
            raise EpisodesMismatch(
                f"evaluations below {self.runs} follow different protocols ({', '.join(map(str, sorted(versions)))}), "
                "so they cannot stand in one table; evaluate the older ones again"
            )
        (self.protocol_version,) = versions

    def games(self, split: SplitName) -> int:
        """Number of games of a split."""
        return len(self._games[split])

    def played(self, row: TableRow, seed: int, split: SplitName) -> Played | str:
        """A row's episodes with a seed, or in words what is missing."""
        folder = self._folder(row, seed, split)
        place = folder.relative_to(self.runs)
        evaluation = self._found.get(folder)
        if evaluation is None:
            begun = (folder / SETTINGS_FILE).exists()
            return f"{place}: evaluation not finished" if begun else f"{place}: no evaluation"
        records = evaluation.conditions.get(row.condition)
        if records is None:
            return f"{place}: {row.condition} not played"
        wanted = self._games[split]
        for run in {record.run for record in records}:
            there = {record.game_id for record in records if record.run == run}
            if there != wanted:
                return f"{place}: {row.condition} has {len(there)} of {len(wanted)} games in run {run}"
        return Played(records, evaluation.commit, evaluation.message_times.get(row.condition, ()))

    def _folder(self, row: TableRow, seed: int, split: SplitName) -> Path:
        return self.study.folder(self.runs, row, seed, split)

    def _read(self, folder: Path, split: SplitName) -> _Evaluation:
        settings = read_settings(folder)
        self._check(folder, settings, split)
        light = [replace(record, observations=(), actions=()) for record in read_episodes(folder)]
        commit = str(read_results(folder).get("commit", "unknown"))
        version = int(settings["protocol_version"])
        return _Evaluation(by_condition(light), commit, read_message_times(folder), version)

    def _check(self, folder: Path, settings: Mapping[str, Any], split: SplitName) -> None:
        policy = "methods" if self.study.compares_methods else "actor"
        wanted = {"env": self.study.env, "split": split, "max_steps": self.study.max_steps, "policy": policy}
        for name, value in wanted.items():
            if settings.get(name) != value:
                raise EpisodesMismatch(
                    f"{folder} was played with {name} {settings.get(name)!r}, the study wants {value!r}; "
                    "correct the study or evaluate again"
                )
