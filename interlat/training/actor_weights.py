"""Weights of the terms of stage 1, and how they move during a run. Knows no model and no trainer."""

import math
from dataclasses import asdict, dataclass
from typing import Literal

from torch import Tensor

from interlat.errors import InvalidSetting

Annealing = Literal["constant", "linear", "from-loss"]
LARGEST_ALIGNMENT = 4.0  # nats; L_align at which λ_A is whole, as in the authors' code


@dataclass(frozen=True)
class ActorWeights:
    """Weights of the terms of stage 1; 0 leaves a term and its pass out.

    Args:
        separation: λ_S; the paper's range is 0.1 to 1.0.
        alignment: λ_A; the paper's range is 0.1 to 0.2.
        kl: β, weight of the KL term within L_align.
        cosine: α, weight of the cosine term within L_align.
        annealing: how λ_S and λ_A fall to their floors: not at all (``constant``), over the run's steps (``linear``), or as their
            own losses fall (``from-loss``), which are read without gradient.
        separation_floor: what λ_S falls to, nats; the paper's range ends at 0.1.
        alignment_floor: what λ_A falls to, nats; the paper's range ends at 0.1.
        margin: weight of a start for L_sep, ours: L_sep's gradient vanishes where both messages are answered alike, and this
            term asks that the targets are likelier under the right one. 0, the paper's loss, leaves it out.
        margin_nats: how much likelier.
        mismatched_gradient: whether gradient flows through the pass with another task's message; costs its activations.

    Raises:
        InvalidSetting: if a weight is negative, or a floor above its weight while it matters.
    """

    separation: float = 0.5
    alignment: float = 0.2
    kl: float = 0.7
    cosine: float = 0.3
    annealing: Annealing = "constant"
    separation_floor: float = 0.1
    alignment_floor: float = 0.1
    margin: float = 0.0
    margin_nats: float = 0.5
    mismatched_gradient: bool = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, float) and value < 0:
                raise InvalidSetting(f"weight '{name}' must be at least 0, got {value}; 0 leaves the term out")
        if self.margin and not self.margin_nats:
            raise InvalidSetting("margin_nats must be above 0 where weight 'margin' is, got 0")
        for name in ("separation", "alignment") if self.annealing != "constant" else ():
            weight, floor = getattr(self, name), getattr(self, f"{name}_floor")
            if weight and floor > weight:
                raise InvalidSetting(
                    f"weight '{name}' falls from {weight} to its floor, but {name}_floor is {floor}; lower the floor or raise the weight"
                )

    @property
    def compares(self) -> bool:
        """Whether a term needs the pass with another task's message."""
        return self.separation > 0 or self.margin > 0

    def annealed(self, done: float, loss_separation: Tensor, loss_alignment: Tensor) -> tuple[float, float]:
        """λ_S and λ_A at one step.

        Args:
            done: share of the run's steps behind it, within [0, 1].
            loss_separation: L_sep of this step, nats, in [−ln 2, 0].
            loss_alignment: L_align of this step, nats.

        Gradient:
            None: the losses are read as numbers. The authors' code lets gradient flow through the weights, which makes the
            factor on L_sep 0.01 + 1.42·L_sep instead of the weight it logs.
        """
        if self.annealing == "constant":
            return self.separation, self.alignment
        if self.annealing == "linear":
            left_separation = left_alignment = 1 - min(max(done, 0.0), 1.0)
        else:
            left_separation = _share((math.log(2) + float(loss_separation.detach())) / math.log(2))
            left_alignment = _share(float(loss_alignment.detach()) / LARGEST_ALIGNMENT)
        return (
            _between(self.separation_floor, self.separation, left_separation),
            _between(self.alignment_floor, self.alignment, left_alignment),
        )


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _between(floor: float, weight: float, left: float) -> float:
    return floor + (weight - floor) * left if weight else 0.0
