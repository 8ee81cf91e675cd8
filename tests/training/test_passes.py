"""Negatives by hand: whose rows they are made of, at which rate, and how long."""

import torch
from tiny_agents import task_records

from interlat.data.batches import Batch
from interlat.training.passes import curriculum_messages, mismatched_messages

LENGTHS = (4, 10, 7)
RATES = (0.0, 0.5, 1.0)


def batch() -> tuple[Batch, list[torch.Tensor], list[torch.Tensor]]:
    """Three tasks: row i's plan says i, its latents 10 + i, and each has its own length."""
    plans = [torch.full((length, 1), float(row)) for row, length in enumerate(LENGTHS)]
    latents = [plan + 10 for plan in plans]
    return Batch(task_records(3), [], [], latents), plans, latents


def test_a_negative_has_its_own_rows_rate_and_length():
    """Rows of length 4, 10 and 7 at r = 0, ½ and 1: no plan rows of 4, five of 10, all of 7, all of one other task."""
    given, plans, latents = batch()
    for seed in range(20):
        others = mismatched_messages(given, plans, latents, RATES, torch.Generator().manual_seed(seed))
        assert others is not None
        for row, (message, num_plan) in enumerate(zip(others, (0, 5, 7), strict=True)):
            assert len(message) == LENGTHS[row]
            partners = {*message[:num_plan, 0].tolist(), *(message[num_plan:, 0] - 10).tolist()}
            assert len(partners) == 1
            assert partners != {float(row)}


def test_a_matched_message_has_its_own_rows_at_its_own_rate():
    _, plans, latents = batch()
    mixed = curriculum_messages(plans, latents, RATES)
    assert [message[:, 0].tolist() for message in mixed] == [[10.0] * 4, [1.0] * 5 + [11.0] * 5, [2.0] * 7]
