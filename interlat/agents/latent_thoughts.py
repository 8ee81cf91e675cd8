"""Thinking without words: the last-layer state is fed back as the next input embedding. Knows no topology and no prompt.

Source: LatentMAS (arXiv 2511.20639). Per step, z = align(h) is read as if it were a token, and h becomes the state behind it:

    ridge      u = h W_a,  W_a = (W_outᵀ W_out + λ I)⁻¹ W_outᵀ W_in      then z = u · c / ‖u‖
    rescale    u = h                                                    then z = u · c / ‖u‖
    none       z = h, as Coconut does

c is the mean length of an input embedding. The released code calls ``rescale`` "no realignment".
"""

import logging
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.messages import Span
from interlat.models.backbone import causal_lm
from interlat.models.cache import KVState, extend

Alignment = Literal["ridge", "rescale", "none"]
RIDGE_LAMBDA = 1e-5  # as the release has it
_ROWS_AT_ONCE = 8192  # of the vocabulary, so that no second copy of an embedding matrix is made
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Aligner:
    """Maps a last-layer state to an input embedding.

    Args:
        matrix: W_a; None leaves the state's direction as it is.
        length: c, the length every embedding gets; None leaves it as it is.
    """

    matrix: Float[Tensor, "sender_dim receiver_dim"] | None = None
    length: float | None = None

    def __call__(self, states: Float[Tensor, "*batch sender_dim"]) -> Float[Tensor, "*batch receiver_dim"]:
        """Align states; computed in float32 at least, returned in the states' type.

        Gradient:
            Flows into the states; matrix and length are constants.
        """
        wide = states.to(torch.promote_types(states.dtype, torch.float32))
        if self.matrix is not None:
            wide = wide @ self.matrix.to(wide)
        if self.length is not None:
            wide = wide * (self.length / wide.norm(dim=-1, keepdim=True).clamp(min=1e-6))
        return wide.to(states.dtype)


@dataclass(frozen=True, eq=False)
class Thoughts:
    """What m latent steps leave beside the cache.

    Args:
        states: h_0 … h_{m−1}, the states that were fed back, before alignment, [batch, m, dim].
        latest: h_m, the state behind the last step, which predicts what comes next.
    """

    states: Float[Tensor, "batch steps dim"]
    latest: Float[Tensor, "batch dim"]


def aligner(model: PreTrainedModel | PeftModel, alignment: Alignment, ridge_lambda: float = RIDGE_LAMBDA) -> Aligner:
    """The aligner of one model: from its states to its own embeddings.

    Warns in the log where input and output embeddings are tied and ``ridge`` is asked for: W_a is then the identity up to
    λ / (g + λ) in each eigenvalue g of WᵀW, so ``ridge`` does what ``rescale`` does.

    Args:
        model: a causal LM.
        alignment: how.
        ridge_lambda: λ, above 0.

    Raises:
        InvalidSetting: if λ is not above 0.
    """
    if alignment == "none":
        return Aligner()
    lm = causal_lm(model)
    if alignment == "rescale":
        return Aligner(None, _mean_length(lm))
    if has_tied_embeddings(lm):
        _log.warning(
            "alignment 'ridge' does nothing on %s: its input and output embeddings are tied, so the map is the identity; "
            "'rescale' gives the same at no cost",
            lm.config.name_or_path or type(lm).__name__,
        )
    return aligner_between(lm, lm, ridge_lambda)


def aligner_between(
    sender: PreTrainedModel | PeftModel, receiver: PreTrainedModel | PeftModel, ridge_lambda: float = RIDGE_LAMBDA
) -> Aligner:
    """The ridge map from one model's states to another's embeddings, for models of one tokenizer.

    W = (W_out,Aᵀ W_out,A + λ I)⁻¹ W_out,Aᵀ W_in,B over the rows that both have. Computed in float64, in pieces.

    Args:
        sender: A, whose states are mapped.
        receiver: B, which reads them.
        ridge_lambda: λ, above 0.

    Raises:
        InvalidSetting: if λ is not above 0.
    """
    if ridge_lambda <= 0:
        raise InvalidSetting(f"the ridge needs a lambda above 0, got {ridge_lambda}; the release takes {RIDGE_LAMBDA}")
    out, embeddings = _output_rows(causal_lm(sender)), _input_rows(causal_lm(receiver))
    rows = min(len(out), len(embeddings))
    device = torch.device("cpu") if out.device.type == "mps" else out.device
    gram = torch.zeros(out.shape[1], out.shape[1], dtype=torch.float64, device=device)
    cross = torch.zeros(out.shape[1], embeddings.shape[1], dtype=torch.float64, device=device)
    for start in range(0, rows, _ROWS_AT_ONCE):
        piece = slice(start, min(start + _ROWS_AT_ONCE, rows))
        some = out[piece].to(device, torch.float64)
        gram += some.T @ some
        cross += some.T @ embeddings[piece].to(device, torch.float64)
    gram.diagonal().add_(ridge_lambda)
    matrix = torch.linalg.solve(gram, cross)
    wide = torch.promote_types(embeddings.dtype, torch.float32)
    return Aligner(matrix.to(embeddings.device, wide), _mean_length(causal_lm(receiver)))


def think(
    model: PreTrainedModel | PeftModel,
    state: KVState,
    latest: Float[Tensor, "batch dim"],
    align: Aligner,
    steps: int,
    span: Span | None = None,
) -> Thoughts:
    """Take m latent steps behind what was read, all rows at once.

    Args:
        model: a causal LM.
        state: the cache behind ``latest``; m entries are added to every row.
        latest: the state at each row's last entry.
        align: from states to input embeddings.
        steps: m; 0 adds nothing, so that what is sent is the prompt alone.
        span: whose entries they are.

    Raises:
        InvalidSetting: if m is negative.

    Gradient:
        Flows through all steps into ``latest`` and the cache; decorate the caller with ``torch.no_grad`` where none is wanted.
    """
    if steps < 0:
        raise InvalidSetting(f"wanted at least 0 latent steps, got {steps}; 0 sends the prompt alone")
    real = torch.ones(len(latest), 1, dtype=torch.bool, device=latest.device)
    fed = []
    for _ in range(steps):
        fed.append(latest)
        latest = extend(model, state, align(latest)[:, None], real, span)[:, 0]
    states = torch.stack(fed, dim=1) if fed else latest.new_zeros(len(latest), 0, latest.shape[1])
    return Thoughts(states, latest)


def has_tied_embeddings(model: PreTrainedModel | PeftModel) -> bool:
    """Whether input and output embeddings are one matrix."""
    lm = causal_lm(model)
    rows, out = _input_rows(lm), _output_rows(lm)
    # peft lays the rows it trains over a matrix, which is then a new one each time it is asked for.
    return bool(lm.config.tie_word_embeddings) or rows.data_ptr() == out.data_ptr()


def _input_rows(lm: PreTrainedModel) -> Tensor:
    return cast(Tensor, lm.get_input_embeddings().weight).detach()


def _output_rows(lm: PreTrainedModel) -> Tensor:
    return cast(Tensor, lm.get_output_embeddings().weight).detach()


def _mean_length(lm: PreTrainedModel) -> float:
    pieces = torch.split(_input_rows(lm), _ROWS_AT_ONCE)
    lengths = [piece.to(torch.promote_types(piece.dtype, torch.float32)).norm(dim=-1) for piece in pieces]
    return float(torch.cat(lengths).mean())
