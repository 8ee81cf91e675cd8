"""Another task's message is never the row's own, and is made of real rows only."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.data.negatives import match_length, mismatched_partners


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), st.integers(0, 2**31))
def test_never_the_own_task(tasks: list[str], seed: int):
    partners = mismatched_partners(tasks, torch.Generator().manual_seed(seed))
    assert len(partners) == len(tasks)
    for row, partner in enumerate(partners):
        if partner is None:
            assert set(tasks) == {tasks[row]}
        else:
            assert tasks[partner] != tasks[row]


def test_every_other_task_comes_up_about_equally_often():
    """Row 0 has four partners: 1000 draws give each 250 ± 14 (one standard deviation); 80 is six of them."""
    generator = torch.Generator().manual_seed(0)
    drawn = [mismatched_partners(["a", "b", "c", "d", "e", "a"], generator)[0] for _ in range(1000)]
    counts = {partner: drawn.count(partner) for partner in set(drawn)}
    assert set(counts) == {1, 2, 3, 4}
    assert all(abs(count - 250) < 80 for count in counts.values())


def test_a_batch_of_one_task_has_no_partner():
    assert mismatched_partners(["a", "a", "a"], torch.Generator()) == [None, None, None]


@given(st.integers(1, 9), st.integers(1, 20))
def test_length_is_matched_by_real_rows_in_order(own: int, wanted: int):
    rows = torch.arange(own, dtype=torch.float32)[:, None]
    assert match_length(rows, wanted)[:, 0].tolist() == [float(i % own) for i in range(wanted)]
