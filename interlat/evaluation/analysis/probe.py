"""What a linear probe reads from a message: target object, receptacle, task type, and where the object was. Knows no files.

Every game is predicted once a seed, by a probe fitted to the other folds. Beside each accuracy stand the majority class and the same
probe on shuffled labels: what is above both, the message holds in a form that a linear map can read. It does not show that the
actor uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from jaxtyping import Float, Int
from rich.table import Table
from torch import Tensor

from interlat.errors import InvalidSetting
from interlat.evaluation.analysis.drawing import blank_figure, colour, number_table, save_figure
from interlat.evaluation.analysis.linear_probe import fit_linear_probe
from interlat.evaluation.analysis.progress import Shown, silently
from interlat.evaluation.statistics import wilson_interval

FOLDS = 5
REPEATS = 3  # seeds
_SHUFFLE = 1000  # added to a seed, so that labels are shuffled otherwise than games are dealt into folds


@dataclass(frozen=True)
class Accuracy:
    """A share of games predicted right.

    Args:
        mean: over seeds, in [0, 1].
        ci95: Wilson interval with one trial a game: seeds repeat the games and make nobody surer.
        by_seed: of each seed.
    """

    mean: float
    ci95: tuple[float, float]
    by_seed: tuple[float, ...]


@dataclass(frozen=True)
class ProbeScore:
    """One label read from one representation.

    Args:
        label: what is read.
        representation: from what.
        accuracy: of the probe on games it was not fitted to.
        shuffled: the same with labels shuffled over games, by one seed.
    """

    label: str
    representation: str
    accuracy: Accuracy
    shuffled: Accuracy


@dataclass(frozen=True)
class Baseline:
    """What there is to read, and what it takes no message to guess.

    Args:
        label: which.
        classes: different values.
        majority: share of the commonest, the accuracy of always naming it.
    """

    label: str
    classes: int
    majority: float


@dataclass(frozen=True)
class Probes:
    """All scores.

    Args:
        games: how many.
        folds: of the cross-validation.
        baselines: one a label.
        scores: by label, then representation.
    """

    games: int
    folds: int
    baselines: tuple[Baseline, ...]
    scores: tuple[ProbeScore, ...]


def probe(
    representations: Mapping[str, Float[Tensor, "games _"]],
    labels: Mapping[str, Sequence[str]],
    seed: int = 0,
    shown: Shown = silently,
) -> Probes:
    """Read every label from every representation.

    Args:
        representations: features of the games by name.
        labels: of the games by name.
        seed: of the first division into folds; further ones take seed + 1 and so on.
        shown: shows how far it is.

    Raises:
        InvalidSetting: if there are fewer games than folds.
    """
    games = len(next(iter(labels.values())))
    if games < FOLDS:
        raise InvalidSetting(
            f"a probe with {FOLDS} folds needs at least {FOLDS} games with a message, got {games}; raise --games"
        )
    seeds = [seed + repeat for repeat in range(REPEATS)]
    numbered = {label: _numbered(values) for label, values in labels.items()}
    jobs = [(label, name) for label in numbered for name in representations]
    scores = []
    for label, name in shown(jobs, "fitting probes"):
        features, classes = representations[name], numbered[label]
        true = [_share_right(cross_predict(features, classes, of), classes) for of in seeds]
        mixed = classes[_order(games, seed + _SHUFFLE)]
        shuffled = _share_right(cross_predict(features, mixed, seed), mixed)
        scores.append(ProbeScore(label, name, _accuracy(true, games), _accuracy([shuffled], games)))
    baselines = [
        Baseline(label, int(classes.max()) + 1, float(torch.bincount(classes).max() / games))
        for label, classes in numbered.items()
    ]
    return Probes(games, FOLDS, tuple(baselines), tuple(scores))


def cross_predict(
    features: Float[Tensor, "games features"], classes: Int[Tensor, " games"], seed: int
) -> Int[Tensor, " games"]:
    """Each game's class as a probe predicts it that was fitted to the other folds."""
    predicted = torch.empty_like(classes)
    for held_out in folds(len(classes), seed):
        rest = _rest(len(classes), held_out)
        fitted = fit_linear_probe(features[rest], classes[rest], int(classes.max()) + 1)
        predicted[held_out] = fitted.predict(features[held_out])
    return predicted


def folds(games: int, seed: int) -> list[Int[Tensor, " held_out"]]:
    """Game numbers dealt at random into folds whose sizes differ by one at most."""
    return [part for part in _order(games, seed).tensor_split(FOLDS) if len(part)]


def probe_tables(found: Probes) -> list[Table]:
    """Accuracy in %, a row a representation and a table a label."""
    tables = []
    for of in found.baselines:
        title = f"{of.label}: {of.classes} classes, {found.games} games; majority {100 * of.majority:.1f} %"
        table = number_table(title, "read from", ("accuracy, % [95 %]", "shuffled labels, %"))
        for score in found.scores:
            if score.label == of.label:
                table.add_row(score.representation, _percent(score.accuracy), f"{100 * score.shuffled.mean:.1f}")
        tables.append(table)
    return tables


def draw_probe(found: Probes, path: Path) -> None:
    """Draw a group of bars for each label, with intervals, shuffled labels as dots and the majority class as a line.

    Args:
        found: the scores.
        path: of the PNG file.
    """
    figure = blank_figure(11.0, 5.0)
    axes = figure.subplots()
    names = list(dict.fromkeys(score.representation for score in found.scores))
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        scores = [score for score in found.scores if score.representation == name]
        at = [group + (number - (len(names) - 1) / 2) * width for group in range(len(scores))]
        rates = [100 * score.accuracy.mean for score in scores]
        low = [max(0.0, rate - 100 * score.accuracy.ci95[0]) for rate, score in zip(rates, scores, strict=True)]
        high = [max(0.0, 100 * score.accuracy.ci95[1] - rate) for rate, score in zip(rates, scores, strict=True)]
        axes.bar(at, rates, 0.9 * width, yerr=[low, high], capsize=3, color=colour(number), alpha=0.8, label=name)
        dots = [100 * score.shuffled.mean for score in scores]
        axes.scatter(
            at, dots, color="white", edgecolors="black", zorder=3, label="shuffled labels" if not number else None
        )
    for group, of in enumerate(found.baselines):
        said = "majority class" if not group else None
        axes.hlines(100 * of.majority, group - 0.45, group + 0.45, color="black", linestyle="--", label=said)
    axes.set_xticks(range(len(found.baselines)), [f"{of.label}\n({of.classes} classes)" for of in found.baselines])
    axes.set_ylabel("accuracy, % (95 % interval)")
    axes.set_ylim(0, 105)
    axes.set_title(f"linear probe, {found.games} games, {found.folds} folds")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    save_figure(figure, path)


def _percent(of: Accuracy) -> str:
    return f"{100 * of.mean:.1f} [{100 * of.ci95[0]:.1f}, {100 * of.ci95[1]:.1f}]"


def _accuracy(by_seed: Sequence[float], games: int) -> Accuracy:
    mean = fmean(by_seed)
    return Accuracy(mean, wilson_interval(mean * games, games), tuple(by_seed))


def _share_right(predicted: Int[Tensor, " games"], classes: Int[Tensor, " games"]) -> float:
    return float((predicted == classes).double().mean())


def _numbered(values: Sequence[str]) -> Int[Tensor, " games"]:
    numbers = {value: number for number, value in enumerate(sorted(set(values)))}
    return torch.tensor([numbers[value] for value in values])


def _order(games: int, seed: int) -> Int[Tensor, " games"]:
    return torch.randperm(games, generator=torch.Generator().manual_seed(seed))


def _rest(games: int, held_out: Int[Tensor, " held_out"]) -> Int[Tensor, " rest"]:
    kept = torch.ones(games, dtype=torch.bool)
    kept[held_out] = False
    return torch.nonzero(kept)[:, 0]
