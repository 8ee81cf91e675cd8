"""Several senders' messages made one, for a receiver that hears more than one of them. Knows no language model and no team."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from interlat.errors import InvalidMessage, InvalidSetting


class Fusion(nn.Module):
    """A learned projector over the joined messages of several senders.

    ```
    X_i = H_i, or W_i H_i + b_i where D_i ≠ D                 [batch, K_i, D]
    X   = [X_1 + e_1 ; … ; X_n + e_n]                         [batch, K_1 + … + K_n, D]
    Y   = X + W_2 GELU(W_1 LayerNorm(X) + b_1) + b_2
    ```

    At the start every e_i, W_2 and b_2 are 0, so that senders of the receiver's width are passed on as they are, one behind
    the other, to the last bit. Latents are joined along the sequence and not feature by feature: senders may then say
    different numbers of latents, and one that is silent leaves the others as they were. What a latent of one sender means
    beside those of another is left to the attention of the receiver's adapter, which reads the fused message as one.

    Source: §5.4 of the Interlat paper, which names a learned projector that fuses several senders' latents into one
    message and says no more of it.

    With n senders of width D it has 2D² + 4D + n·D parameters; a sender of another width D_i adds D·D_i + D.

    Args:
        senders: width D_i of each sender's latents, by name; their order is the order in the message.
        dim: width D of the fused message.

    Raises:
        InvalidSetting: if there is no sender.
    """

    def __init__(self, senders: Mapping[str, int], dim: int) -> None:
        super().__init__()
        if not senders:
            raise InvalidSetting("a fusion needs at least one sender, got none; name who is heard")
        self.widths, self.dim = dict(senders), dim
        self.inputs = nn.ModuleDict(
            {name: nn.Identity() if width == dim else nn.Linear(width, dim) for name, width in senders.items()}
        )
        self.marks = nn.ParameterDict({name: nn.Parameter(torch.zeros(dim)) for name in senders})
        self.norm = nn.LayerNorm(dim)
        self.inner = nn.Linear(dim, dim)
        self.outer = nn.Linear(dim, dim)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, messages: Mapping[str, Float[Tensor, "batch _ _"]]) -> Float[Tensor, "batch latents dim"]:
        """Join the messages of a batch.

        Args:
            messages: [batch, K_i, D_i] by sender, in any order. A sender that is left out takes no part, nor do its weights.

        Raises:
            InvalidMessage: if none is given, one is of a stranger, or one is of another width than its sender's.

        Gradient:
            Flows into every message given, and into every parameter but those of senders left out.
        """
        strangers = sorted(set(messages) - set(self.widths))
        if strangers or not messages:
            got = f"one of {', '.join(strangers)}" if strangers else "none"
            raise InvalidMessage(
                f"the fusion joins messages of {', '.join(self.widths)}, got {got}; build it for the senders it is to hear"
            )
        joined = torch.cat([self._marked(name, messages[name]) for name in self.widths if name in messages], dim=1)
        added: Tensor = self.outer(functional.gelu(self.inner(self.norm(joined))))
        return joined + added

    def _marked(self, name: str, message: Tensor) -> Tensor:
        if message.shape[-1] != self.widths[name]:
            raise InvalidMessage(
                f"sender '{name}' says latents of width {self.widths[name]}, got {message.shape[-1]}; "
                "build the fusion for the sender it is to hear"
            )
        marked: Tensor = self.inputs[name](message.to(self.norm.weight.dtype)) + self.marks[name]
        return marked
