"""What an actor has read before its first answer: task and message, each kind of message at its place.

    latents, text    opening · instruction, task, lead-in · <bop> message <eop> · end of user turn
    keys, values     message · opening · instruction, task, lead-in · end of user turn               nothing of it is read again
    silence          opening · instruction, task, lead-in · end of user turn

A plain model has no boundary tokens; words stand in its user turn by themselves. Knows no source of messages and no environment.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from interlat.agents.actor import Actor
from interlat.errors import InvalidMessage, InvalidSetting
from interlat.messages import KVMessage, LatentMessage, Message, TextMessage
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import encode
from interlat.models.kv import state_of
from interlat.splice import Segments, lay_out


@torch.no_grad()
def read_opening(
    actor: Actor, observations: Sequence[str], messages: Sequence[Message]
) -> tuple[KVState, Tensor, list[int]]:
    """Let an actor read its tasks and messages, as one batch.

    Args:
        actor: in eval mode.
        observations: the first of each game; states the task.
        messages: one for each game. KV messages must be of the actor's model.

    Returns:
        The cache; the state behind each row's last entry, [batch, dim]; and how many entries of each row were read here, which
        those of a KV message are not.

    Raises:
        InvalidMessage: if some messages are keys and values and others are not, or they are latents and the actor reads none.
        InvalidSetting: if a KV message and what follows it are longer than the model's contexts.
    """
    embedded = _embedded(actor, messages)
    rows, ask = [], actor.conversation.ask()
    for observation, message, rows_of_message in zip(observations, messages, embedded, strict=True):
        head, length = actor.conversation.head(observation), None if rows_of_message is None else len(rows_of_message)
        if isinstance(message, TextMessage) and not actor.reads_latents:
            head = [*head, *encode(actor.tokenizer, message.text)]
        rows.append(Segments(head, ask, [False] * len(ask), length))
    pad = int(actor.tokenizer.pad_token_id)
    layout = lay_out(rows, actor.boundary if actor.reads_latents else (pad, pad), pad, padding="left")
    layout = layout.to(actor.device)
    state = _begun(actor, messages, int(layout.mask.sum(dim=1).max()))
    spliced = actor.spliced(layout, [message for message in embedded if message is not None])
    read = extend(actor.lm, state, spliced, layout.mask)
    return state, last_states(read, layout.mask), layout.mask.sum(dim=1).tolist()


def _begun(actor: Actor, messages: Sequence[Message], width: int) -> KVState:
    """The cache that reading begins with: what was handed over, or nothing."""
    handed_over = [message for message in messages if isinstance(message, KVMessage)]
    if not handed_over:
        return KVState.empty(len(messages), actor.device)
    if len(handed_over) < len(messages):
        raise InvalidMessage(
            f"wanted keys and values for every game of a batch or for none, got {len(handed_over)} among {len(messages)}; "
            "play the others in a batch of their own"
        )
    needed = max(message.next_position for message in handed_over) + width
    room = getattr(actor.lm.config, "max_position_embeddings", None)
    if room is not None and needed > room:
        raise InvalidSetting(
            f"the actor would read up to position {needed} before its first answer, but its model knows {room}; "
            "take fewer latent steps, view: task, or a model of longer contexts"
        )
    return state_of(handed_over)


def _embedded(actor: Actor, messages: Sequence[Message]) -> list[Tensor | None]:
    """What is spliced in of each message, in the actor's embedding space; None where nothing is."""
    adapted = iter(actor.adapt([message.latents for message in messages if isinstance(message, LatentMessage)]))
    embedded: list[Tensor | None] = []
    for message in messages:
        if isinstance(message, LatentMessage):
            embedded.append(next(adapted))
        elif isinstance(message, TextMessage) and actor.reads_latents:
            ids = encode(actor.tokenizer, message.text)
            embedded.append(actor.embed(torch.tensor(ids, dtype=torch.long)) if ids else None)
        else:
            embedded.append(None)
    return embedded
