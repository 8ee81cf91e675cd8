"""The curriculum rate r and the left-to-right mix of plan and latents. Knows nothing of steps, epochs or models."""

from dataclasses import dataclass
from math import floor

import torch
from jaxtyping import Float
from torch import Tensor

from interlat.errors import InvalidMessage, InvalidSetting

# rate · L in binary can fall short of a whole number (0.29 · 100 = 28.999…); this puts it back and moves nothing else.
WHOLE_NUMBER_SLACK = 1e-9


@dataclass(frozen=True)
class CurriculumRate:
    """The rates r that examples are trained at: a random mixture from first step to last, not a schedule.

    Source: §3.2 of the Interlat paper.

    Args:
        rates: shares of a message's first positions that are plan-token embeddings, each within [0, 1];
            drawn uniformly. 0 is pure latents, the test condition; 1 is pure text. ``[0.0]`` turns the curriculum off.

    Raises:
        InvalidSetting: if ``rates`` is empty or a rate is outside [0, 1].
    """

    rates: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

    def __post_init__(self) -> None:
        if not self.rates:
            raise InvalidSetting("curriculum rates must hold at least one rate, got none; [0.0] means pure latents")
        for rate in self.rates:
            _check_rate(rate)

    def draw(self, generator: torch.Generator) -> float:
        """Draw the rate of one example."""
        return self.rates[int(torch.randint(len(self.rates), (), generator=generator, device=generator.device))]


def mix_left_to_right(
    plan_embeddings: Float[Tensor, "plan dim"], latents: Float[Tensor, "latents dim"], rate: float
) -> Float[Tensor, "latents dim"]:
    """The first ⌊rL⌋ rows are plan-token embeddings, the rest latents.

    ```
    position    1 .. ⌊rL⌋    ⌊rL⌋+1 .. L
    row         plan         latents
    ```

    Source: §3.2 of the Interlat paper.

    Args:
        plan_embeddings: the receiver's embeddings of the L plan tokens.
        latents: the adapted latents that predicted the same L tokens.
        rate: r, within [0, 1].

    Raises:
        InvalidMessage: if the two differ in length; `mix_scaled` mixes a plan that was tokenized again.
        InvalidSetting: if ``rate`` is outside [0, 1].

    Gradient:
        Flows into the rows that are kept.
    """
    if len(plan_embeddings) != len(latents):
        raise InvalidMessage(
            f"a plan is mixed with latents token by token, got {len(plan_embeddings)} plan tokens and {len(latents)} "
            "latents; index the plan by the sender's own token ids, or use mix_scaled across tokenizers"
        )
    return mix_scaled(plan_embeddings, latents, rate)


def mix_scaled(
    plan_embeddings: Float[Tensor, "plan dim"], latents: Float[Tensor, "latents dim"], rate: float
) -> Float[Tensor, "mixed dim"]:
    """The same mix for a plan of another length: the first ⌊rP⌋ plan rows, then the latents from ⌊rL⌋ on.

    For a receiver whose tokenizer cuts the plan into P tokens where the sender's had L.

    Args:
        plan_embeddings: the receiver's embeddings of the P plan tokens.
        latents: the adapted latents.
        rate: r, within [0, 1].

    Returns:
        ⌊rP⌋ + L − ⌊rL⌋ rows.

    Raises:
        InvalidSetting: if ``rate`` is outside [0, 1].

    Gradient:
        Flows into the rows that are kept.
    """
    plan_cut, latent_cut = scaled_cut(rate, len(plan_embeddings), len(latents))
    return torch.cat([plan_embeddings[:plan_cut], latents[latent_cut:]])


def scaled_cut(rate: float, plan_length: int, num_latents: int) -> tuple[int, int]:
    """Where rate r cuts a plan of P tokens and a message of L latents: (⌊rP⌋, ⌊rL⌋), both r of the way through.

    Raises:
        InvalidSetting: if ``rate`` is outside [0, 1].
    """
    _check_rate(rate)
    return floor(rate * plan_length + WHOLE_NUMBER_SLACK), floor(rate * num_latents + WHOLE_NUMBER_SLACK)


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise InvalidSetting(
            f"a curriculum rate is a share within [0, 1], got {rate}; 0 is pure latents and 1 pure text"
        )
