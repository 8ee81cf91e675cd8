"""The precision losses are computed in. Knows nothing of what the numbers mean."""

import torch
from jaxtyping import Float
from torch import Tensor


def at_least_float32(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Raise half precision to float32; leave float32 and float64 as they are.

    A softmax over a vocabulary sums some 10^5 terms; bfloat16 keeps 8 bits of each.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))
