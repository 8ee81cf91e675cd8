"""The numbers of a study's tables: each row over its seeds, and against the first row over the same games.

Pure functions of finished evaluations. Knows no files and no layout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import lcm
from statistics import fmean

import numpy as np

from interlat.evaluation.paired import Interval, paired_bootstrap, sign_flip_test
from interlat.evaluation.power import smallest_visible_difference, smallest_visible_mean
from interlat.evaluation.seed_results import Played, SeedResults
from interlat.evaluation.statistics import holm, mean_and_sd, wilson_interval
from interlat.evaluation.study import SplitName, TableDescription, TableRow
from interlat.evaluation.summary import compare, leads, measure


@dataclass(frozen=True)
class Versus:
    """A row against the first row, over the same games and the seeds that both have.

    Args:
        seeds: in both.
        difference: of the success rates, mean over seeds, with a 95 % interval over games.
        with_seeds: the same with seeds resampled too; None for one seed.
        p: exact sign-flip test over the games' differences, each the mean of its seeds.
        p_holm: ``p`` corrected for all comparisons of the table.
        mcnemar: exact McNemar p-value of each seed on its own.
        discordant_share: share of games that go differently, mean over seeds.
        visible: smallest difference that one seed's McNemar test notices with 80 % power; None if none would do.
        visible_mean: the same for the mean over seeds.
    """

    seeds: tuple[int, ...]
    difference: Interval
    with_seeds: Interval | None
    p: float
    p_holm: float
    mcnemar: Mapping[int, float]
    discordant_share: float
    visible: float | None
    visible_mean: float


@dataclass(frozen=True)
class Cell:
    """A row on one split.

    Args:
        by_seed: success rate of each seed that there is.
        success_rate: their mean.
        sd: their sample standard deviation; None for one seed.
        ci95: Wilson interval of the mean with games as n: seeds repeat games.
        games: of the split.
        steps_success: mean steps of won episodes, all seeds together; None if none was won.
        steps_all: mean steps of all episodes.
        message_seconds: mean time to make a message while playing.
        message_time: seconds a message by batch size, sender alone and warm, where that was measured for every seed's run
            or for some (the mean of those).
        commits: of the library that played the episodes.
        versus_first: None in the first row, and where no seed is in both.
    """

    by_seed: Mapping[int, float]
    success_rate: float
    sd: float | None
    ci95: tuple[float, float]
    games: int
    steps_success: float | None
    steps_all: float
    message_seconds: float
    message_time: Mapping[int, float]
    commits: tuple[str, ...]
    versus_first: Versus | None = None


@dataclass(frozen=True)
class FilledRow:
    """A row with its numbers.

    Args:
        row: its description.
        cells: by split; None where no seed is there.
        missing: what is not there, in words.
    """

    row: TableRow
    cells: Mapping[SplitName, Cell | None]
    missing: tuple[str, ...]


def fill(table: TableDescription, results: SeedResults) -> list[FilledRow]:
    """Compute a table.

    Args:
        table: its description.
        results: of the study's runs.
    """
    first = {split: _found(table.rows[0], split, results)[0] for split in results.study.splits}
    rows = []
    for row in table.rows:
        cells: dict[SplitName, Cell | None] = {}
        missing: list[str] = []
        for split in results.study.splits:
            found, gone = _found(row, split, results)
            missing += gone
            versus = None if row is table.rows[0] else _against(found, first[split], results.games(split))
            cells[split] = _cell(found, results.games(split), versus) if found else None
        rows.append(FilledRow(row, cells, tuple(missing)))
    return _corrected(rows)


def comparisons(rows: Sequence[FilledRow]) -> list[Versus]:
    """All comparisons of a table: the family that p-values are corrected for."""
    cells = [cell for row in rows for cell in row.cells.values()]
    return [cell.versus_first for cell in cells if cell is not None and cell.versus_first is not None]


def _found(row: TableRow, split: SplitName, results: SeedResults) -> tuple[dict[int, Played], list[str]]:
    looked = {seed: results.played(row, seed, split) for seed in results.study.seeds}
    there = {seed: of for seed, of in looked.items() if isinstance(of, Played)}
    return there, [of for of in looked.values() if isinstance(of, str)]


def _cell(found: Mapping[int, Played], games: int, versus: Versus | None) -> Cell:
    by_seed = {seed: measure(of.records).success_rate for seed, of in found.items()}
    pooled = measure([record for of in found.values() for record in of.records])
    mean, sd = mean_and_sd(list(by_seed.values()))
    sizes = sorted({time.batch_size for of in found.values() for time in of.message_time})
    times = {
        size: fmean(
            time.seconds_a_message for of in found.values() for time in of.message_time if time.batch_size == size
        )
        for size in sizes
    }
    return Cell(
        by_seed=by_seed,
        success_rate=mean,
        sd=sd,
        ci95=wilson_interval(min(games, mean * games), games),
        games=games,
        steps_success=pooled.steps_success,
        steps_all=pooled.steps_all,
        message_seconds=pooled.message_seconds,
        message_time=times,
        commits=tuple(sorted({of.commit for of in found.values()})),
        versus_first=versus,
    )


def _against(found: Mapping[int, Played], first: Mapping[int, Played], games: int) -> Versus | None:
    seeds = tuple(seed for seed in found if seed in first)
    if not seeds:
        return None
    by_seed = [leads(found[seed].records, first[seed].records) for seed in seeds]
    # Both have played all games of the split, so all seeds have the same ones; runs may differ, hence the common measure.
    shares = np.array([[lead / runs for lead, runs in of.values()] for of in by_seed]).T  # [games, seeds]
    unit = lcm(*(runs for of in by_seed for _, runs in of.values()))
    compared = {seed: compare(found[seed].records, first[seed].records) for seed in seeds}
    discordant_share = fmean(of.discordant_share for of in compared.values())
    return Versus(
        seeds=seeds,
        difference=paired_bootstrap(shares),
        with_seeds=paired_bootstrap(shares, resample_seeds=True) if len(seeds) > 1 else None,
        p=sign_flip_test(np.rint(shares * unit).astype(int).sum(axis=1)),
        p_holm=1.0,  # until all of the table are known
        mcnemar={seed: of.p for seed, of in compared.items()},
        discordant_share=discordant_share,
        visible=smallest_visible_difference(games, discordant_share),
        visible_mean=smallest_visible_mean(games, float(shares.mean(axis=1).std(ddof=1)) if games > 1 else 0.0),
    )


def _corrected(rows: Sequence[FilledRow]) -> list[FilledRow]:
    corrected = iter(holm([versus.p for versus in comparisons(rows)]))
    return [
        replace(
            row,
            cells={
                split: cell
                if cell is None or cell.versus_first is None
                else replace(cell, versus_first=replace(cell.versus_first, p_holm=next(corrected)))
                for split, cell in row.cells.items()
            },
        )
        for row in rows
    ]
