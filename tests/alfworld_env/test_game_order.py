import pickle
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from alfworld_env.game_order import GameOrder


def test_without_a_seed_the_order_is_the_one_given():
    assert list(GameOrder(3, epochs=2)) == [0, 1, 2, 0, 1, 2]
    assert list(islice(GameOrder(2, epochs=None), 5)) == [0, 1, 0, 1, 0]


@given(num_games=st.integers(1, 20), epochs=st.integers(1, 4), seed=st.integers())
def test_every_epoch_has_every_game_once_and_a_seed_repeats(num_games, epochs, seed):
    order = list(GameOrder(num_games, epochs, seed))
    parts = [order[start : start + num_games] for start in range(0, len(order), num_games)]
    assert [sorted(part) for part in parts] == [list(range(num_games))] * epochs
    assert list(islice(GameOrder(num_games, None, seed), len(order))) == order


def test_epochs_and_seeds_differ():
    order = list(GameOrder(20, epochs=2, seed=0))
    assert order[:20] != order[20:]
    assert order != list(GameOrder(20, epochs=2, seed=1))


def test_an_order_goes_on_after_pickling():
    order = GameOrder(5, epochs=3, seed=7)
    list(islice(order, 4))
    assert list(pickle.loads(pickle.dumps(order))) == list(order)
