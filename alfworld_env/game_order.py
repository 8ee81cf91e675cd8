"""In which order games are handed out; knows no slot, engine or process."""

import random
from collections.abc import Iterator


class GameOrder(Iterator[int]):
    """The indices of games, every game once an epoch. Holds plain data only, so it pickles and copies.

    Args:
        num_games: How many games there are.
        epochs: How often each game is handed out; None means without end.
        seed: Shuffles anew each epoch; None keeps the order given. Same seed, same order.
    """

    def __init__(self, num_games: int, epochs: int | None = 1, seed: int | None = None) -> None:
        self._num_games = num_games
        self._epochs_left = epochs
        self._random = None if seed is None else random.Random(seed)
        self._ahead: list[int] = []  # what is left of this epoch, the next game last

    def __next__(self) -> int:
        if not self._ahead:
            self._begin_epoch()
        return self._ahead.pop()

    def _begin_epoch(self) -> None:
        if self._epochs_left == 0:
            raise StopIteration
        if self._epochs_left is not None:
            self._epochs_left -= 1
        self._ahead = list(range(self._num_games))
        if self._random is not None:
            self._random.shuffle(self._ahead)
        self._ahead.reverse()
