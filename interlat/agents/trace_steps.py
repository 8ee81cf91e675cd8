"""How many latent steps each agent takes, as a distribution that can be learnt. Knows no trace, no loss and no Lightning."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interlat.errors import InvalidSetting
from interlat.shapes import Scalar


class StepChoice(nn.Module):
    """For each agent a categorical distribution over 1 … m latent steps; agents choose independently.

    p(K_a = k) = softmax(logits_a)_k. All counts are equally likely at the start.

    Args:
        most: m of every agent who takes steps, by name.

    Raises:
        InvalidSetting: if nobody has anything to choose.
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        super().__init__()
        if max(most.values(), default=0) < 2:
            raise InvalidSetting(
                f"wanted an agent before the last with at least 2 latent steps to choose among, got {dict(most)}; raise latent_steps, or "
                "leave learnt_steps out"
            )
        self.agents = tuple(most)
        # In a list: a name may hold characters that parameters' names may not.
        self.logits = nn.ParameterList([nn.Parameter(torch.zeros(most[name])) for name in self.agents])

    def draw(self, generator: torch.Generator) -> dict[str, int]:
        """One count for each agent.

        Args:
            generator: on the CPU, so that every device draws the same.

        Gradient:
            None; ``log_probability`` carries it.
        """
        drawn = (torch.multinomial(p.detach().cpu(), 1, generator=generator) for p in self._probabilities())
        return {name: int(each) + 1 for name, each in zip(self.agents, drawn, strict=True)}

    def likeliest(self) -> dict[str, int]:
        """Each agent's most likely count; of equally likely ones the largest."""
        return {
            name: len(logits) - int(logits.detach().flip(0).argmax())
            for name, logits in zip(self.agents, self.logits, strict=True)
        }

    def log_probability(self, steps: Mapping[str, int]) -> Scalar:
        """Of counts: Σ_a log p(K_a), nats.

        Gradient:
            Flows into the logits.
        """
        each = [
            torch.log_softmax(logits, dim=0)[steps[name] - 1]
            for name, logits in zip(self.agents, self.logits, strict=True)
        ]
        return torch.stack(each).sum()

    def expected(self) -> dict[str, Scalar]:
        """E[K] of each agent, without gradient."""
        counted = ((p.detach() * torch.arange(1, len(p) + 1, device=p.device)).sum() for p in self._probabilities())
        return dict(zip(self.agents, counted, strict=True))

    def entropy(self) -> dict[str, Scalar]:
        """Entropy of each agent's choice, nats, without gradient: log m where nothing is decided, 0 where everything is."""
        logs = (torch.log_softmax(logits.detach(), dim=0) for logits in self.logits)
        return {name: -(log.exp() * log).sum() for name, log in zip(self.agents, logs, strict=True)}

    def probabilities(self) -> dict[str, list[float]]:
        """p(K_a = 1), p(K_a = 2), … of each agent, for a run folder."""
        return {name: p.tolist() for name, p in zip(self.agents, self._probabilities(), strict=True)}

    def _probabilities(self) -> list[Float[Tensor, " steps"]]:
        return [torch.softmax(logits, dim=0) for logits in self.logits]
