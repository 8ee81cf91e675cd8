"""Lets each layer of a decoder attend to other entries of its cache than the rest; knows nothing of caches or messages.

transformers builds one attention mask for all layers. A message of some layers only (KVComm) needs one a layer: the whole mask
is made here, and the layers that hold less are handed theirs on the way in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interlat.errors import InvalidSetting


@contextmanager
def visible_by_layer(
    layers: nn.Module,
    mask: Bool[Tensor, "batch tokens"],
    layer_mask: Bool[Tensor, "batch layers tokens"] | None,
    embeddings: Float[Tensor, "batch new dim"],
) -> Iterator[Tensor | None]:
    """While this is open, layer l of the decoder attends to ``mask & layer_mask[:, l]``, and to nothing behind a query.

    Args:
        layers: the decoder.
        mask: True at real entries, the new ones last.
        layer_mask: True where a layer holds an entry; None where every layer holds all.
        embeddings: what is about to be read; gives the number of queries and their type.

    Yields:
        The mask to hand to the decoder, [batch, 1, queries, tokens], or None where its own will do.

    Raises:
        InvalidSetting: if a layer attends to a window only: the mask made here would open it.
    """
    if layer_mask is None:
        yield None
        return
    config = cast(Any, layers.config)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        raise InvalidSetting(
            f"wanted layers that attend to everything before when a message has some layers only, got {', '.join(sorted(kinds))}; "
            "send all layers"
        )
    queries, tokens = embeddings.shape[1], mask.shape[1]
    columns = torch.arange(tokens, device=mask.device)
    before = columns <= columns[tokens - queries :, None]
    as_given = partial(_as_attention_mask, dtype=embeddings.dtype if config._attn_implementation == "eager" else None)

    # One mask at a time: those of all layers together would be as many as layers times queries times entries.
    def of_layer(number: int) -> Tensor:
        return as_given(before & (mask & layer_mask[:, number])[:, None, None])

    hooks = [
        layer.register_forward_pre_hook(_handing(partial(of_layer, number)), with_kwargs=True)
        for number, layer in enumerate(cast(nn.ModuleList, layers.layers))
    ]
    try:
        yield as_given(before & mask[:, None, None])
    finally:
        for hook in hooks:
            hook.remove()


def _handing(mask: Callable[[], Tensor]) -> Any:
    def hand(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, {**kwargs, "attention_mask": mask()}

    return hand


def _as_attention_mask(visible: Tensor, dtype: torch.dtype | None) -> Tensor:
    """What attention takes: booleans, or where it adds the mask to the scores (``eager``), zeros and a large negative number."""
    if dtype is None:
        return visible
    return torch.zeros_like(visible, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)
