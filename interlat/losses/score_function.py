"""The gradient of an expected cost over choices that are drawn, from one draw. Knows no model and nothing of what is chosen."""

from interlat.shapes import Scalar


def score_function_loss(cost: Scalar, log_probability: Scalar, baseline: float) -> Scalar:
    """A number whose value is the cost of what was drawn, and whose gradient is, in expectation, that of the expected cost.

    With K drawn from p and cost c(K), both of which may depend on what learns,

        ∇ Σ_K p(K) c(K) = Σ_K p(K) [∇c(K) + c(K) ∇log p(K)]

    so ∇c(K) + c(K) ∇log p(K) of one draw is unbiased. Any b that does not depend on the draw may be taken from c(K), for
    Σ_K p(K) b ∇log p(K) = b ∇Σ_K p(K) = b ∇1 = 0; a b near the mean cost makes the estimate steadier (REINFORCE, Williams 1992).

    Args:
        cost: c(K) of the draw K.
        log_probability: log p(K), nats.
        baseline: b; known before K was drawn.

    Returns:
        c(K), in its unit; the one draw is the estimate, nothing is averaged.

    Gradient:
        Flows into ``cost`` with factor 1, and into ``log_probability`` with factor c(K) − b, which is a constant.
    """
    return cost + (cost.detach() - baseline) * (log_probability - log_probability.detach())


class RunningBaseline:
    """A mean of past costs in which recent ones weigh more: Σ_i d^(n−i) c_i / Σ_i d^(n−i).

    Args:
        decay: d, within [0, 1); 0 keeps the last cost alone.
    """

    def __init__(self, decay: float) -> None:
        self.decay, self.total, self.weight = decay, 0.0, 0.0

    def mean(self) -> float | None:
        """The mean so far; None before the first cost."""
        return self.total / self.weight if self.weight else None

    def add(self, cost: float) -> None:
        """Count one more cost."""
        self.total, self.weight = self.decay * self.total + cost, self.decay * self.weight + 1

    def state(self) -> tuple[float, float]:
        """What a run must keep to go on exactly."""
        return self.total, self.weight

    def load(self, state: tuple[float, float]) -> None:
        """Go on from a kept state."""
        self.total, self.weight = state
