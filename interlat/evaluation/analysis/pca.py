"""Messages before and after the adapter, in two components each, by task type (appendix G). Knows no files.

The two sides may differ in width, and lie in other places and at other scales at any width, so what the adapter moves is
measured in shape alone: each plane is centred and scaled to a root-mean-square radius of 1, and the plane after is turned or
mirrored onto the plane before (orthogonal Procrustes over all messages). A task type's shift is the way of its centroid between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from rich.table import Table
from torch import Tensor

from interlat.errors import InvalidSetting
from interlat.evaluation.analysis.drawing import blank_figure, colour, number_table, save_figure

COMPONENTS = 2


@dataclass(frozen=True)
class Plane:
    """Messages on their first two principal components.

    Args:
        coordinates: of each message, in the units of the messages.
        explained: share of the variance that each component holds.
        between_types: share of the variance in the plane that lies between task types (η²): 1 if types are points, 0 if they coincide.
        between_types_in_full: the same before projection.
    """

    coordinates: tuple[tuple[float, float], ...]
    explained: tuple[float, float]
    between_types: float
    between_types_in_full: float


@dataclass(frozen=True)
class Shift:
    """How far the adapter moves one task type.

    Args:
        task_type: which.
        games: how many.
        length: of the way of its centroid, in root-mean-square radii of a plane.
        degrees: direction of that way in the plane before, within (−180, 180].
    """

    task_type: str
    games: int
    length: float
    degrees: float


@dataclass(frozen=True)
class AdapterPlanes:
    """Both sides of the adapter.

    Args:
        task_types: of each message.
        before: the messages as sent.
        after: behind the adapter.
        shifts: one a task type, in alphabetical order.
    """

    task_types: tuple[str, ...]
    before: Plane
    after: Plane
    shifts: tuple[Shift, ...]


def principal_components(
    points: Float[Tensor, "messages dim"],
) -> tuple[Float[Tensor, "messages 2"], tuple[float, float]]:
    """Coordinates on the first two principal components, and the share of the variance that each holds.

    A component's sign is free; here its largest loading is positive.

    Args:
        points: at least three, in at least two dimensions.

    Raises:
        InvalidSetting: if there are fewer, or all are one point.
    """
    if len(points) <= COMPONENTS or points.shape[1] < COMPONENTS:
        raise InvalidSetting(
            f"two components need at least three messages of width 2, got {list(points.shape)}; raise --games"
        )
    values = points.double()
    left, singular, right = torch.linalg.svd(values - values.mean(dim=0), full_matrices=False)
    total = float(singular.pow(2).sum())
    if total == 0:
        raise InvalidSetting(
            f"all {len(points)} messages are the same, so they have no components; the sender says one thing"
        )
    largest = right[:COMPONENTS].gather(1, right[:COMPONENTS].abs().argmax(dim=1, keepdim=True))[:, 0]
    coordinates = left[:, :COMPONENTS] * singular[:COMPONENTS] * largest.sign()
    first, second = (singular[:COMPONENTS].pow(2) / total).tolist()
    return coordinates, (first, second)


def between_share(points: Float[Tensor, "messages dim"], groups: Sequence[str]) -> float:
    """η²: the share of the points' variance that lies between the groups' centroids, in [0, 1]; 0 where nothing varies."""
    values = points.double()
    centre = values.mean(dim=0)
    total = float((values - centre).pow(2).sum())
    between = sum(
        len(rows) * float((values[rows].mean(dim=0) - centre).pow(2).sum()) for rows in _rows(groups).values()
    )
    return between / total if total else 0.0


def align(
    moved: Float[Tensor, "messages 2"], onto: Float[Tensor, "messages 2"]
) -> tuple[Float[Tensor, "messages 2"], Float[Tensor, "messages 2"]]:
    """Both centred and scaled to a root-mean-square radius of 1, the first turned or mirrored to lie as near the second as it can.

    Source: Schönemann 1966, A generalized solution of the orthogonal Procrustes problem.
    """
    first, second = (_normalised(points) for points in (moved, onto))
    left, _, right = torch.linalg.svd(first.T @ second)
    return first @ left @ right, second


def adapter_planes(
    before: Float[Tensor, "messages sender_dim"],
    after: Float[Tensor, "messages receiver_dim"],
    task_types: Sequence[str],
) -> AdapterPlanes:
    """Both planes and each task type's shift.

    Args:
        before: mean-pooled messages.
        after: the same behind the adapter.
        task_types: of each.

    Raises:
        InvalidSetting: if there are fewer than three messages.
    """
    old, explained_before = principal_components(before)
    new, explained_after = principal_components(after)
    turned, still = align(new, old)
    shifts = []
    for task_type, rows in sorted(_rows(task_types).items()):
        across, up = (turned[rows].mean(dim=0) - still[rows].mean(dim=0)).tolist()
        way = complex(across, up)
        degrees = float(torch.rad2deg(torch.angle(torch.tensor(way, dtype=torch.complex128))))
        shifts.append(Shift(task_type, len(rows), abs(way), degrees))
    return AdapterPlanes(
        tuple(task_types),
        _plane(old, explained_before, before, task_types),
        _plane(new, explained_after, after, task_types),
        tuple(shifts),
    )


def pca_tables(found: AdapterPlanes) -> list[Table]:
    """What the components hold, and the shifts."""
    headings = ("component 1, %", "component 2, %", "between types, %", "in full width, %")
    planes = number_table(f"variance of {len(found.task_types)} mean-pooled messages", "message", headings)
    for name, plane in (("before the adapter", found.before), ("after", found.after)):
        shares = (*plane.explained, plane.between_types, plane.between_types_in_full)
        planes.add_row(name, *(f"{100 * share:.1f}" for share in shares))
    shifts = number_table("centroids moved by the adapter", "task type", ("games", "radii", "degrees"))
    for shift in found.shifts:
        shifts.add_row(shift.task_type, str(shift.games), f"{shift.length:.2f}", f"{shift.degrees:+.0f}")
    return [planes, shifts]


def draw_pca(found: AdapterPlanes, path: Path) -> None:
    """Draw both planes side by side, a colour and a cross at the centroid for each task type.

    Args:
        found: the planes.
        path: of the PNG file.
    """
    figure = blank_figure(12.0, 5.6)
    for axes, plane, title in zip(
        figure.subplots(1, 2), (found.before, found.after), ("before the adapter", "after the adapter"), strict=True
    ):
        for number, (task_type, rows) in enumerate(sorted(_rows(found.task_types).items())):
            across, up = zip(*(plane.coordinates[row] for row in rows), strict=True)
            axes.scatter(across, up, s=18, alpha=0.55, color=colour(number), label=task_type, linewidths=0)
            centre = (sum(across) / len(rows), sum(up) / len(rows))
            axes.scatter(*centre, s=130, marker="X", color=colour(number), edgecolors="black")
        axes.set_title(
            f"{title}: task types hold {100 * plane.between_types:.0f} % of the plane's variance", fontsize=11
        )
        axes.set_xlabel(f"component 1 ({100 * plane.explained[0]:.1f} % of the variance)")
        axes.set_ylabel(f"component 2 ({100 * plane.explained[1]:.1f} %)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
    save_figure(figure, path)


def _plane(
    coordinates: Float[Tensor, "messages 2"], explained: tuple[float, float], points: Tensor, task_types: Sequence[str]
) -> Plane:
    pairs = tuple((across, up) for across, up in coordinates.tolist())
    return Plane(pairs, explained, between_share(coordinates, task_types), between_share(points, task_types))


def _normalised(points: Float[Tensor, "messages 2"]) -> Float[Tensor, "messages 2"]:
    centred = points - points.mean(dim=0)
    return centred / centred.pow(2).sum(dim=1).mean().sqrt()


def _rows(groups: Sequence[str]) -> dict[str, list[int]]:
    """Row numbers of each group."""
    rows: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        rows.setdefault(group, []).append(number)
    return rows
