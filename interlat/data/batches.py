"""Items to train on, and batches of them as token ids; knows nothing of models.

An item is a game with its message, or a game in silence. With a message the actor learns the walkthrough; in silence it
learns the exploring expert, which is what makes "no message" a fair baseline instead of an actor that was never taught to look.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor
from torch.utils.data import Dataset

from interlat.data.latent_store import LatentStore, StoredMessage
from interlat.data.trajectories import TaskRecord, Turns
from interlat.errors import InvalidSetting, LatentStoreMismatch
from interlat.splice import Segments


@dataclass(frozen=True)
class Item:
    """One game to train on.

    Args:
        record: the game.
        message: the sender's message, or None for silence.
        turns: the trajectory to learn.
    """

    record: TaskRecord
    message: StoredMessage | None
    turns: Turns


@dataclass(frozen=True)
class Batch:
    """A batch as the stages take it; the rows with a message come first.

    Args:
        records: the games.
        segments: head and tail of each row; ``num_latents`` is the length of its message.
        plan_ids: for rows with a message, the plan's tokens in the receiver's vocabulary.
        latents: for rows with a message, [L, D_s].
    """

    records: list[TaskRecord]
    segments: list[Segments]
    plan_ids: list[Tensor]
    latents: list[Tensor]

    @property
    def num_messages(self) -> int:
        """How many rows, from the first on, have a message."""
        return len(self.latents)


@runtime_checkable
class TokenisedTail(Protocol):
    """Token ids after the message, and which of them carry labels."""

    @property
    def ids(self) -> list[int]:
        """The token ids."""

    @property
    def supervised(self) -> list[bool]:
        """Whether each carries a label."""


@runtime_checkable
class ConversationTokens(Protocol):
    """How the receiver tokenises an episode."""

    def head(self, opening: str) -> list[int]:
        """Token ids before the message."""

    def tail(self, turns: Sequence[tuple[str, str, str]]) -> TokenisedTail:
        """Token ids after it, with labels."""


@runtime_checkable
class PlanTokens(Protocol):
    """How a sender's plan is written in the receiver's vocabulary."""

    def __call__(self, message: StoredMessage) -> Tensor:
        """The plan as token ids, [tokens]."""


class MessageDataset(Dataset[Item]):
    """Games with their messages, and a share of games in silence.

    Args:
        records: the games. Those whose sender said nothing are shown in silence at most.
        store: their messages; read one at a time.
        silence_share: share of items in silence, within [0, 1]; 1 is an actor that never hears a message.
        seed: chooses which games are also shown in silence.

    Raises:
        InvalidSetting: if the share is out of range, or no expert trajectory is there to learn silence from.
        LatentStoreMismatch: on the first game that the store lacks, or if all its messages for these games are empty.
    """

    def __init__(self, records: Sequence[TaskRecord], store: LatentStore, silence_share: float, seed: int = 0) -> None:
        if not 0 <= silence_share <= 1:
            raise InvalidSetting(
                f"silence_share must be within [0, 1], got {silence_share}; 0 trains on messages alone"
            )
        self.store = store
        for record in records:
            if record.game_id not in store:
                store[record.game_id]  # raises, naming the store and the game
        self.guided = [record for record in records if store.entries[record.game_id].length]
        if records and not self.guided:
            raise LatentStoreMismatch(
                f"latent store '{store.folder}' holds only empty messages for these {len(records)} games: the sender ended every plan "
                "at once; take another sender, or let it read plans (sender.plans: written)"
            )
        explored = [record for record in records if record.explored]
        if silence_share < 1:
            wanted = round(len(self.guided) * silence_share / (1 - silence_share))
        else:
            self.guided, wanted = [], max(1, len(explored))
        if wanted and not explored:
            raise InvalidSetting(
                "silence_share is above 0, but no expert trajectory finished within the step cap; raise max_explore_steps"
            )
        rng = random.Random(seed)
        self.silent = [explored[i % len(explored)] for i in range(wanted)]
        rng.shuffle(self.silent)

    def __len__(self) -> int:
        return len(self.guided) + len(self.silent)

    def __getitem__(self, index: int) -> Item:
        if index < len(self.guided):
            record = self.guided[index]
            return Item(record, self.store[record.game_id], record.guided)
        record = self.silent[index - len(self.guided)]
        return Item(record, None, record.explored)


class Collator:
    """Turns items into a batch of token ids.

    Args:
        conversation: tokenises the actor's side.
        plan_tokens: gives a plan's tokens in the receiver's vocabulary.
    """

    def __init__(self, conversation: ConversationTokens, plan_tokens: PlanTokens) -> None:
        self.conversation = conversation
        self.plan_tokens = plan_tokens

    def __call__(self, items: Sequence[Item]) -> Batch:
        """Tokenise; rows with a message first, otherwise in the given order."""
        ordered = sorted(items, key=lambda item: item.message is None)
        messages = [item.message for item in ordered if item.message is not None]
        return Batch(
            [item.record for item in ordered],
            [self._segments(item) for item in ordered],
            [self.plan_tokens(message) for message in messages],
            [message.latents.float() for message in messages],
        )

    def _segments(self, item: Item) -> Segments:
        tail = self.conversation.tail(item.turns)
        length = None if item.message is None else len(item.message.latents)
        return Segments(self.conversation.head(item.record.opening), tail.ids, tail.supervised, length)
