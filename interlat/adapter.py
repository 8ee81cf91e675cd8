"""From the sender's latents to the receiver's embedding space. Knows no language model and no splice."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interlat.errors import InvalidMessage, InvalidSetting

NORM_EPS = 1e-6
MESSAGE_SCALE = 0.2  # initial s
OUTPUT_SCALE = 0.1  # initial o
FOCUS = 2.0  # of queries and keys in a fitted start: a latent attends to those that are nearly itself


class CommunicationAdapter(nn.Module):
    """Light self-attention and a projection over one message; no positions, not causal.

    ```
    X' = X, or W_in X + b_in where D_s ≠ D_r       [batch, latents, D_r]
    N  = LayerNorm(X')
    M  = LayerNorm(N + SelfAttention(N))
    R  = s · M
    Y  = o · (R + W_2 LayerNorm(GELU(W_1 R)))
    ```

    The raw X is not kept beside N, so the magnitude of the input is discarded. At the start Y ≈ 0.02 · M: an RMS of
    0.02, about that of a token embedding. Source: §3.1 of the Interlat paper; sizes of the authors' release.

    Args:
        sender_dim: width D_s of the latents.
        receiver_dim: width D_r of the receiver's embeddings.
        num_heads: attention heads; must divide ``receiver_dim``.
        dropout: share of attention weights dropped in training.

    Raises:
        InvalidSetting: if ``num_heads`` does not divide ``receiver_dim``.
    """

    def __init__(self, sender_dim: int, receiver_dim: int, num_heads: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        if num_heads < 1 or receiver_dim % num_heads != 0:
            raise InvalidSetting(
                f"num_heads must divide the receiver's width, got {num_heads} heads for width {receiver_dim}; "
                "choose a divisor, such as the receiver's own number of attention heads"
            )
        self.sender_dim = sender_dim
        self.receiver_dim = receiver_dim
        self.input: nn.Module = nn.Identity() if sender_dim == receiver_dim else nn.Linear(sender_dim, receiver_dim)
        self.input_norm = nn.LayerNorm(receiver_dim, eps=NORM_EPS)
        self.attention = nn.MultiheadAttention(receiver_dim, num_heads, dropout=dropout, batch_first=True)
        self.attention_norm = nn.LayerNorm(receiver_dim, eps=NORM_EPS)
        self.inner = nn.Linear(receiver_dim, receiver_dim)
        self.inner_norm = nn.LayerNorm(receiver_dim)
        self.outer = nn.Linear(receiver_dim, receiver_dim)
        # One element rather than none: FSDP refuses parameters without a dimension.
        self.message_scale = nn.Parameter(torch.full((1,), MESSAGE_SCALE))
        self.output_scale = nn.Parameter(torch.full((1,), OUTPUT_SCALE))
        self.reset_projections()

    @torch.no_grad()
    def reset_projections(self) -> None:
        """Draw the weights of attention and projection anew; biases become 0."""
        nn.init.xavier_uniform_(cast(Tensor, self.attention.in_proj_weight), gain=1 / math.sqrt(3))
        nn.init.xavier_uniform_(self.attention.out_proj.weight)
        nn.init.normal_(self.inner.weight, std=0.02)
        nn.init.xavier_uniform_(self.outer.weight, gain=0.01)
        for bias in (self.attention.in_proj_bias, self.attention.out_proj.bias, self.inner.bias, self.outer.bias):
            nn.init.zeros_(cast(Tensor, bias))

    @torch.no_grad()
    def fit(
        self,
        messages: Sequence[Float[Tensor, "_ sender_dim"]],
        embeddings: Sequence[Float[Tensor, "_ receiver_dim"]],
    ) -> float:
        """Start as the least-squares map from latents to the receiver's embeddings of the tokens that they predicted.

        Queries, keys and values become multiples of the identity, so that each latent attends to itself; the map is the
        attention's output projection, and o brings it to the embeddings' size. A fitted adapter says a message about as
        the plan's own tokens would, and training departs from there. Not in the paper, whose adapter starts at random.

        Args:
            messages: h_1..h_L of many plans.
            embeddings: the receiver's, of y_1..y_L.

        Returns:
            The share of the embeddings' variance that the adapter's output explains.
        """
        width, was_training = self.receiver_dim, self.training
        self.eval()
        identity = torch.eye(width).to(self.message_scale)
        cast(Tensor, self.attention.in_proj_weight).copy_(torch.cat([FOCUS * identity, FOCUS * identity, identity]))
        self.attention.out_proj.weight.copy_(identity)
        normed = [self.input_norm(self.input(message.to(self.message_scale))) for message in messages]
        attended = torch.cat([self.attention(row, row, row, need_weights=False)[0] for row in normed]).double()
        wanted = torch.cat(list(embeddings)).double()
        size = wanted.pow(2).mean().sqrt()
        left = wanted / size - torch.cat(normed).double()
        ridge = 1e-6 * len(attended) * identity.double()
        self.attention.out_proj.weight.copy_(torch.linalg.solve(attended.T @ attended + ridge, attended.T @ left).T)
        self.output_scale.copy_(size / self.message_scale)
        said = torch.cat(
            [self(message[None], message.new_ones(1, len(message), dtype=torch.bool))[0] for message in messages]
        )
        self.train(was_training)
        return float(1 - (said - wanted).pow(2).sum() / (wanted - wanted.mean(dim=0)).pow(2).sum())

    def forward(
        self, latents: Float[Tensor, "batch latents sender_dim"], mask: Bool[Tensor, "batch latents"]
    ) -> Float[Tensor, "batch latents receiver_dim"]:
        """Adapt a batch of messages.

        Args:
            latents: messages, padded to one length; cast to the adapter's type, whatever type they were stored in.
            mask: True at real latents. What stands elsewhere, NaN included, changes no real row.

        Returns:
            Embeddings for the receiver; 0 at padding, also in rows that are all padding.

        Raises:
            InvalidMessage: if the latents' width is not ``sender_dim``.

        Gradient:
            Flows into ``latents`` at real positions and into every parameter.
        """
        if latents.shape[-1] != self.sender_dim:
            raise InvalidMessage(
                f"the adapter reads latents of width {self.sender_dim}, got {latents.shape[-1]}; collect messages with "
                "the sender it was trained for, or build it with that sender_dim"
            )
        padding = ~mask[..., None]
        inputs = self.input(latents.masked_fill(padding, 0).to(self.message_scale.dtype))
        normed = self.input_norm(inputs)
        # A row of padding alone would leave the softmax nothing to attend to; it attends to its zeros instead.
        ignored = ~mask & mask.any(dim=1, keepdim=True)
        attended, _ = self.attention(normed, normed, normed, key_padding_mask=ignored, need_weights=False)
        residual = self.message_scale * self.attention_norm(normed + attended)
        projected = self.outer(self.inner_norm(nn.functional.gelu(self.inner(residual))))
        return cast(Tensor, self.output_scale * (residual + projected)).masked_fill(padding, 0)
