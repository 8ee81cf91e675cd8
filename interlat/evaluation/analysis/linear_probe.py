"""Multinomial logistic regression with L2, the whole of a linear probe. Knows nothing of messages.

Written here because it is one convex function and torch's L-BFGS: a library for it would be a dependency for twenty lines.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

GRADIENT_TOLERANCE = 1e-3  # of the objective, in nats: weights are then right to about three digits
_CURVATURE = 0.05  # of the cross-entropy along a direction, a share of its singular value squared; a guess that only sets the pace
_TINY = 1e-12  # a feature that varies less is constant


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe.

    Args:
        mean: of the features it was fitted to.
        scale: their standard deviations; 1 where a feature is constant.
        weights: of the standardised features.
        bias: of the classes.
    """

    mean: Float[Tensor, " features"]
    scale: Float[Tensor, " features"]
    weights: Float[Tensor, "features classes"]
    bias: Float[Tensor, " classes"]

    def logits(self, features: Float[Tensor, "examples features"]) -> Float[Tensor, "examples classes"]:
        """Logits of the classes."""
        standardised = (features.double() - self.mean) / self.scale
        return standardised @ self.weights + self.bias

    def predict(self, features: Float[Tensor, "examples features"]) -> Int[Tensor, " examples"]:
        """The likeliest class of each example."""
        return self.logits(features).argmax(dim=1)


def fit_linear_probe(
    features: Float[Tensor, "examples features"],
    classes: Int[Tensor, " examples"],
    num_classes: int,
    penalty: float = 1.0,
) -> LinearProbe:
    """Minimise Σ cross-entropy + ½·penalty·‖W‖² over standardised features, in float64; the bias is not penalised.

    The best weights are a combination of the examples, so they are sought in the space the examples span: exact, and fast where
    there are fewer examples than features.

    Args:
        features: at least one example.
        classes: of each, within [0, num_classes).
        num_classes: how many there are; one without an example gets a low bias.
        penalty: above 0, so that finite weights reach the minimum where a plane separates the classes.
    """
    values = features.double()
    mean, spread = values.mean(dim=0), values.std(dim=0, correction=0)
    scale = torch.where(spread > _TINY, spread, torch.ones_like(spread))
    left, singular, right = torch.linalg.svd((values - mean) / scale, full_matrices=False)
    # Directions differ a thousandfold in curvature; at a common one the same minimum is found ten times sooner.
    pace = (penalty + _CURVATURE * singular.square()).sqrt()
    spanned = left * (singular / pace)  # [examples, rank]
    weights = torch.zeros(spanned.shape[1], num_classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(num_classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias],
        max_iter=500,
        tolerance_grad=GRADIENT_TOLERANCE,
        tolerance_change=1e-12,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(spanned @ weights + bias, classes, reduction="sum")
        objective = loss + penalty / 2 * (weights / pace[:, None]).square().sum()
        objective.backward()
        return float(objective.detach())

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return LinearProbe(mean, scale, right.T @ (weights.detach() / pace[:, None]), bias.detach())
