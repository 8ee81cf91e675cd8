"""What can be done to a latent message on its way, to ask what of it the receiver uses. Knows no model, no environment.

Moments are those of the one message given: mean over its L rows, sample covariance Σ̂ with L − 1. Results have the
message's type and device; draws are made on the generator's device, so a CPU generator draws the same everywhere.
Source: App. B.1 of the Interlat paper.
"""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from interlat.errors import InvalidSetting

Control = Callable[[Tensor, torch.Generator], Tensor]


def covariance_noise(
    latents: Float[Tensor, "latents dim"], scale: float, generator: torch.Generator
) -> Float[Tensor, "latents dim"]:
    """Add noise shaped like the message: H + scale · ε, each ε_t ~ N(0, Σ̂) on its own.

    Args:
        latents: the message.
        scale: factor on the noise; the paper uses 0.5 and 1.0.
        generator: draws the noise.
    """
    noise = _gaussian_like(_centred(latents), generator)
    return (latents.double() + scale * noise).to(latents.dtype)


def white_noise(latents: Float[Tensor, "latents dim"], generator: torch.Generator) -> Float[Tensor, "latents dim"]:
    """Replace the message by N(0, I) of the same shape."""
    return _normal(latents.shape, generator).to(latents)


def covariance_gaussian(
    latents: Float[Tensor, "latents dim"], keep_mean: bool, generator: torch.Generator
) -> Float[Tensor, "latents dim"]:
    """Replace every row by an independent draw from N(μ̂, Σ̂), or N(0, Σ̂): the moments stay, the order and content go.

    Args:
        latents: the message.
        keep_mean: whether the draws have the message's mean, or mean 0.
        generator: draws the rows.
    """
    centred = _centred(latents)
    mean = (latents.double() - centred) if keep_mean else torch.zeros_like(centred)
    return (mean + _gaussian_like(centred, generator)).to(latents.dtype)


def random_rotation(latents: Float[Tensor, "latents dim"], generator: torch.Generator) -> Float[Tensor, "latents dim"]:
    """Rotate the whitened message: μ̂ + (H − μ̂) Σ̂^(−1/2) Q Σ̂^(1/2), Q Haar-orthogonal. Mean and covariance stay exactly.

    With L ≤ D, Σ̂ has no inverse; Q then acts within the r directions the centred message spans. In its singular
    vectors, H − μ̂ = U S Vᵀ, the formula is U Q S Vᵀ = U Q Uᵀ (H − μ̂): no division, so nothing is lost where S is small.
    Mean: the columns of U are orthogonal to the vector of ones. Covariance: (U Q Uᵀ)ᵀ (U Q Uᵀ) = U Uᵀ.

    Args:
        latents: the message.
        generator: draws Q.
    """
    values = latents.double()
    # U is sought among differences of rows only. Singular vectors of H − μ̂ itself lean towards the vector of ones where
    # S is near the rounding of μ̂, and the rotation would then carry large rows into the mean.
    differences = _differences_of_rows(len(values)).to(values)
    left, singular, _ = torch.linalg.svd(differences.T @ values, full_matrices=False)
    rank = int((singular > values.norm() * max(values.shape) * torch.finfo(values.dtype).eps).sum())
    basis = differences @ left[:, :rank]  # U, [latents, rank]
    rotation = _haar_orthogonal(rank, generator).to(basis)
    rotated: Tensor = values.mean(dim=0) + basis @ (rotation @ (basis.T @ values))
    return rotated.to(latents.dtype)


def truncate(latents: Float[Tensor, "latents dim"], keep: int | float) -> Float[Tensor, "kept dim"]:
    """Keep the first rows of a message.

    Args:
        latents: the message.
        keep: a length (int ≥ 1): at most that many rows, so that a sweep over lengths passes a shorter message whole;
            or a share (float within (0, 1]): the first ⌊share · L⌋ rows, at least one.

    Raises:
        InvalidSetting: if nothing would be kept or the share is above 1; to send nothing, send `Silence`.
    """
    if isinstance(keep, int):
        if keep < 1:
            raise InvalidSetting(f"a length to keep must be at least 1, got {keep}; to send nothing, send Silence")
        return latents[:keep]
    if not 0 < keep <= 1:
        raise InvalidSetting(
            f"a share to keep must be within (0, 1], got {keep}; write a length as a whole number, like 8"
        )
    # The slack puts back whole numbers that the product misses in binary: 0.29 · 100 = 28.999…
    return latents[: max(1, math.floor(keep * len(latents) + 1e-9))]


def permute(latents: Float[Tensor, "latents dim"], generator: torch.Generator) -> Float[Tensor, "latents dim"]:
    """Put the rows in random order."""
    order = torch.randperm(len(latents), generator=generator, device=generator.device)
    return latents[order.to(latents.device)]


def zero(latents: Float[Tensor, "latents dim"]) -> Float[Tensor, "latents dim"]:
    """Replace the message by zeros of the same shape."""
    return torch.zeros_like(latents)


NAMED_CONTROLS: Mapping[str, Control] = {
    "cov-noise-0.5": lambda latents, generator: covariance_noise(latents, 0.5, generator),
    "cov-noise-1.0": lambda latents, generator: covariance_noise(latents, 1.0, generator),
    "white-noise": white_noise,
    "cov-gauss-0mu": lambda latents, generator: covariance_gaussian(latents, False, generator),
    "cov-gauss-mu": lambda latents, generator: covariance_gaussian(latents, True, generator),
    "random-rot": random_rotation,
    "permute": permute,
    "zero": lambda latents, generator: zero(latents),
}


def named_control(name: str) -> Control:
    """The control behind a name of the command line; all of them take the message and a generator.

    Raises:
        InvalidSetting: if there is no such control.
    """
    try:
        return NAMED_CONTROLS[name]
    except KeyError:
        raise InvalidSetting(f"no control is called {name!r}; choose one of {', '.join(NAMED_CONTROLS)}") from None


def _centred(latents: Float[Tensor, "latents dim"]) -> Float[Tensor, "latents dim"]:
    """Rows minus their mean, in float64: exact moments are the point of these controls."""
    values = latents.double()
    return values - values.mean(dim=0)


def _gaussian_like(centred: Float[Tensor, "latents dim"], generator: torch.Generator) -> Float[Tensor, "latents dim"]:
    """Rows of N(0, Σ̂): with Z of standard normals, a row of Z (H − μ̂) / √(L−1) has covariance Σ̂, whatever its rank."""
    length = len(centred)
    draws = _normal(torch.Size([length, length]), generator).to(centred)
    return draws @ centred / math.sqrt(max(length - 1, 1))


def _differences_of_rows(length: int) -> Float[Tensor, "length differences"]:
    """Orthonormal columns that span everything orthogonal to the vector of ones, L − 1 of them."""
    ones_first = torch.eye(length, dtype=torch.float64)
    ones_first[:, 0] = 1
    q: Tensor = torch.linalg.qr(ones_first).Q
    return q[:, 1:]


def _haar_orthogonal(size: int, generator: torch.Generator) -> Float[Tensor, "size size"]:
    """A uniformly drawn orthogonal matrix. QR alone fixes signs its own way; R's signs undo that."""
    q, r = torch.linalg.qr(_normal(torch.Size([size, size]), generator))
    signs = torch.where(r.diagonal() < 0, -1.0, 1.0).to(r)
    return torch.mul(q, signs)


def _normal(shape: torch.Size, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float64)
