"""Learning how many latent steps agents take: fewer where the target is as likely without. Knows no model and no Lightning.

K is drawn for each batch and agent; minimised is E_K[L(K) + c · Σ_a K_a], by a score function with a running baseline
(``interlat.losses.score_function``). Ours; see docs/decisions/0012-trace-terms.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from interlat.agents.trace_settings import TraceSettings
from interlat.agents.trace_steps import StepChoice
from interlat.errors import InvalidSetting
from interlat.losses.score_function import RunningBaseline, score_function_loss


@dataclass(frozen=True)
class LearntSteps:
    """How the number of latent steps is learnt; the settings' own number is the most an agent may take.

    Args:
        step_cost: c, nats a target token that one more step must save.
        lr_scale: the choice's learning rate as a multiple of the adapters'. Its logits have to move by whole units, and LoRA's
            weights by hundredths.
        baseline_decay: how much of the baseline is left one batch later, within [0, 1).

    Raises:
        InvalidSetting: if a value is out of range.
    """

    step_cost: float = 0.01
    lr_scale: float = 100.0
    baseline_decay: float = 0.9

    def __post_init__(self) -> None:
        if self.step_cost < 0 or self.lr_scale <= 0 or not 0 <= self.baseline_decay < 1:
            raise InvalidSetting(
                f"learnt_steps wants step_cost of at least 0, lr_scale above 0 and baseline_decay within [0, 1), got {self.step_cost}, "
                f"{self.lr_scale} and {self.baseline_decay}"
            )


class StepLearner(nn.Module):
    """The choice of steps of a trace's agents before the last, and what it is compared with.

    Args:
        settings: how it is learnt.
        trace: whose agents.

    Raises:
        InvalidSetting: if nobody has anything to choose.
    """

    def __init__(self, settings: LearntSteps, trace: TraceSettings) -> None:
        super().__init__()
        team = trace.collaboration()
        most = {agent.name: team.steps_of(agent) for agent in team.agents[:-1] if team.steps_of(agent)}
        self.settings, self.choice = settings, StepChoice(most)
        self.baseline = RunningBaseline(settings.baseline_decay)

    def drawn(self, generator: torch.Generator) -> dict[str, int]:
        """K for a batch."""
        return self.choice.draw(generator)

    def loss(self, loss: Tensor, steps: Mapping[str, int]) -> Tensor:
        """The cost L(K) + c · Σ_a K_a of a batch, with the gradient of its expectation over K.

        The first batch has no past to compare with, so its choice is neither praised nor blamed.

        Args:
            loss: L(K), nats a token.
            steps: K, as drawn.

        Gradient:
            Flows into the loss, and into the choice's logits.
        """
        cost = loss + self.settings.step_cost * sum(steps.values())
        spent, mean = float(cost.detach()), self.baseline.mean()
        self.baseline.add(spent)
        return score_function_loss(cost, self.choice.log_probability(steps), spent if mean is None else mean)

    def metrics(self) -> dict[str, Tensor]:
        """E[K] of each agent, and the entropy of its choice in nats."""
        expected = {f"steps_{name}": value for name, value in self.choice.expected().items()}
        return expected | {f"steps_entropy_{name}": value for name, value in self.choice.entropy().items()}
