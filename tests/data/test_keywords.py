"""Keywords: surprise by hand, order, ties, short plans, tokens never seen."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.data.keywords import Keywords

# 0 stands for a full stop: in every plan, twice in the first.
PLANS = [torch.tensor(ids) for ids in ([1, 2, 0, 1, 3, 0], [1, 4, 0], [1, 2, 0])]


def test_surprise_is_minus_the_log_of_the_share_of_all_tokens():
    surprise = Keywords(PLANS).surprise
    assert surprise == pytest.approx(
        {0: -math.log(4 / 12), 1: -math.log(4 / 12), 2: -math.log(2 / 12), 3: math.log(12), 4: math.log(12)}
    )


def test_the_rarest_are_kept_in_the_plan_s_order():
    assert Keywords(PLANS).positions(PLANS[0], 2).tolist() == [1, 4]  # 2 and 3, not the later and rarer one first


def test_among_equals_the_earlier_is_kept():
    assert Keywords(PLANS).positions(PLANS[0], 3).tolist() == [
        0,
        1,
        4,
    ]  # tokens 0 and 1 are as frequent: the first of four


def test_a_token_of_no_plan_comes_before_all_others():
    assert Keywords(PLANS).positions(torch.tensor([3, 4, 9]), 1).tolist() == [2]


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 12))
def test_positions_ascend_and_no_token_left_out_says_more(ids: list[int], count: int):
    keywords = Keywords(PLANS)
    kept = keywords.positions(torch.tensor(ids, dtype=torch.long), count).tolist()
    assert kept == sorted(set(kept))
    assert len(kept) == min(count, len(ids))
    least = min((keywords.surprise[ids[position]] for position in kept), default=math.inf)
    assert all(keywords.surprise[ids[position]] <= least for position in set(range(len(ids))) - set(kept))
