"""The named dimensions used in annotations, and nothing else.

Dimensions: ``batch`` B, ``tokens`` T, ``latents`` L (full message), ``compressed`` K (compressed message),
``sender_dim`` D_s, ``receiver_dim`` D_r, ``dim`` D, ``vocab`` V, ``positions`` N (supervised positions).
jaxtyping checks them in every test run; in production they cost nothing.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

TokenIds = Int[Tensor, "batch tokens"]
TokenMask = Bool[Tensor, "batch tokens"]
Embeddings = Float[Tensor, "batch tokens dim"]
Logits = Float[Tensor, "batch tokens vocab"]
Latents = Float[Tensor, "latents sender_dim"]
BatchedLatents = Float[Tensor, "batch latents sender_dim"]
LatentMask = Bool[Tensor, "batch latents"]
Scalar = Float[Tensor, ""]

__all__ = ["BatchedLatents", "Embeddings", "LatentMask", "Latents", "Logits", "Scalar", "TokenIds", "TokenMask"]
