"""From episodes to numbers: success, steps, cost, by kind of task, and what differs between conditions.

Pure functions of the records. Knows neither tables nor files.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.paired import paired_bootstrap
from interlat.evaluation.statistics import mcnemar_exact, wilson_interval


@dataclass(frozen=True)
class Measures:
    """Numbers of a set of episodes.

    Args:
        episodes: how many.
        games: how many different games.
        success_rate: share of episodes won, in [0, 1].
        success_rate_by_run: the same for each run on its own, by its number.
        ci95: Wilson interval of the success rate. Games are the sample and runs repeat them, so n is the number of
            games, whatever the number of runs: three equal runs make nobody three times as sure.
        steps_success: mean steps of won episodes; None if there is none.
        steps_all: mean steps of all episodes; one that is not won counts the step cap it ran into.
        invalid_share: share of all actions that the game did not understand.
        message_seconds: mean time to make a message.
        output_tokens: mean tokens generated an episode.
    """

    episodes: int
    games: int
    success_rate: float
    success_rate_by_run: Mapping[int, float]
    ci95: tuple[float, float]
    steps_success: float | None
    steps_all: float
    invalid_share: float
    message_seconds: float
    output_tokens: float


@dataclass(frozen=True)
class Comparison:
    """How a condition does on the same games as another.

    Args:
        games: how many both have played.
        games_won_more: games that the condition wins in more runs than the other does.
        games_won_less: the reverse.
        difference: of the success rates over these games, within [-1, 1]; 0 where there is no such game.
        ci95: its paired bootstrap interval over games.
        p: two-sided exact McNemar p-value of the two counts.
    """

    games: int
    games_won_more: int
    games_won_less: int
    difference: float
    ci95: tuple[float, float]
    p: float

    @property
    def discordant_share(self) -> float:
        """Share of the games that go differently, in [0, 1]."""
        return (self.games_won_more + self.games_won_less) / max(1, self.games)


def measure(records: Sequence[EpisodeRecord]) -> Measures:
    """Numbers of some episodes.

    Raises:
        ValueError: if there is none.
    """
    if not records:
        raise ValueError("wanted at least one episode to measure, got none")
    won = [record.steps for record in records if record.won]
    num_games = len({record.game_id for record in records})
    rate = len(won) / len(records)
    by_run = {run: fmean(r.won for r in records if r.run == run) for run in sorted({r.run for r in records})}
    return Measures(
        episodes=len(records),
        games=num_games,
        success_rate=rate,
        success_rate_by_run=by_run,
        ci95=wilson_interval(rate * num_games, num_games),
        steps_success=fmean(won) if won else None,
        steps_all=fmean(record.steps for record in records),
        invalid_share=sum(r.invalid_actions for r in records) / max(1, sum(r.steps for r in records)),
        message_seconds=fmean(record.message_seconds for record in records),
        output_tokens=fmean(record.output_tokens for record in records),
    )


def by_condition(records: Iterable[EpisodeRecord]) -> dict[str, list[EpisodeRecord]]:
    """Episodes of each condition, conditions in the order they were first played."""
    groups: defaultdict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in records:
        groups[record.condition].append(record)
    return dict(groups)


def by_task_type(records: Iterable[EpisodeRecord]) -> dict[str, Measures]:
    """Numbers of each kind of task, kinds in alphabetical order."""
    groups: defaultdict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in records:
        groups[record.task_type].append(record)
    return {task_type: measure(groups[task_type]) for task_type in sorted(groups)}


def leads(records: Iterable[EpisodeRecord], others: Iterable[EpisodeRecord]) -> dict[str, tuple[int, int]]:
    """For each game that two conditions have played in the same runs: wins of the first minus those of the second, and runs.

    Games are in alphabetical order.
    """
    first = {(record.game_id, record.run): record.won for record in records}
    second = {(record.game_id, record.run): record.won for record in others}
    found: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for game_id, run in sorted(first.keys() & second.keys()):
        lead, runs = found[game_id]
        found[game_id] = lead + int(first[game_id, run]) - int(second[game_id, run]), runs + 1
    return dict(found)


def compare(records: Iterable[EpisodeRecord], others: Iterable[EpisodeRecord]) -> Comparison:
    """Compare two conditions over the games and runs that both have played.

    With several runs a game counts for the condition that wins it more often: games are the sample, as in ``Measures``.
    """
    found = leads(records, others)
    if not found:
        return Comparison(0, 0, 0, 0.0, (-1.0, 1.0), 1.0)
    more = sum(lead > 0 for lead, _ in found.values())
    less = sum(lead < 0 for lead, _ in found.values())
    interval = paired_bootstrap(np.array([[lead / runs] for lead, runs in found.values()]))
    ci95 = (interval.low, interval.high)
    return Comparison(len(found), more, less, interval.estimate, ci95, mcnemar_exact(more, less))
