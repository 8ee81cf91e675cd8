"""What one agent sends another for one task. Knows no model, no agent and no control."""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from interlat.errors import InvalidMessage
from interlat.messages.kv import KVMessage, Provenance


@dataclass(frozen=True, eq=False)
class LatentMessage:
    """The sender's last-layer states h_1..h_L, or K compressed ones.

    Args:
        latents: one row a latent, [L, D_s], in any floating type.
        plan_ids: the plan's tokens in the sender's vocabulary; ``latents[l]`` is the state that predicted token l.
            Empty where there is no plan, as for a compressed message.
        plan: the plan's text.
        provenance: who made it and how: sender, seed, game and so on; anything JSON holds as one value.

    Raises:
        InvalidMessage: if ``latents`` is not a floating [L, D_s] with L of at least 1.
    """

    latents: Float[Tensor, "latents sender_dim"]
    plan_ids: tuple[int, ...] = ()
    plan: str = ""
    provenance: Provenance = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latents.ndim != 2 or len(self.latents) == 0 or not self.latents.is_floating_point():
            raise InvalidMessage(
                f"latents must be floating point of shape [L, D_s] with L at least 1, got {self.latents.dtype} of "
                f"shape {list(self.latents.shape)}; to send nothing, send Silence"
            )

    @property
    def num_latents(self) -> int:
        """L of a full message, K of a compressed one."""
        return self.latents.shape[0]

    @property
    def sender_dim(self) -> int:
        """Width D_s of a latent."""
        return self.latents.shape[1]


@dataclass(frozen=True)
class TextMessage:
    """Words, as the text baseline sends them.

    Args:
        text: what is said.
    """

    text: str


@dataclass(frozen=True)
class Silence:
    """No message at all: neither text nor boundary tokens."""


Message = LatentMessage | KVMessage | TextMessage | Silence
