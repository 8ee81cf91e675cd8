"""The one shift in the library, and the gather built on it."""

import math

import torch

from interlat.losses import next_token_pairs, supervised_logits
from interlat.losses.masking import masked_rows, mean_or_zero

TOKENS = torch.tensor([[5, 6, 7, 8]])
SUPERVISED = torch.tensor([[False, False, True, True]])


def test_four_tokens_by_hand():
    """Positions 0 1 2 3 hold tokens 5 6 7 8; 7 and 8 are supervised; 7 is predicted at position 1 and 8 at position 2."""
    predictions = torch.tensor([[[0.0], [1.0], [2.0], [3.0]]])
    pairs = next_token_pairs(predictions, TOKENS, SUPERVISED)
    assert pairs.predicting.flatten().tolist() == [0.0, 1.0, 2.0]
    assert pairs.targets.tolist() == [[6, 7, 8]]
    assert pairs.mask.tolist() == [[False, True, True]]
    rows, targets = supervised_logits(predictions, TOKENS, SUPERVISED)
    assert rows.flatten().tolist() == [1.0, 2.0]
    assert targets.tolist() == [7, 8]


def test_a_model_that_foresees_each_next_token_is_right_at_every_pair():
    predictions = torch.nn.functional.one_hot(TOKENS.roll(-1, dims=1), 9).float()
    pairs = next_token_pairs(predictions, TOKENS, SUPERVISED)
    assert (pairs.predicting.argmax(-1) == pairs.targets).all()


def test_the_first_token_is_never_asked_for():
    everything = torch.ones_like(SUPERVISED)
    rows, targets = supervised_logits(torch.zeros(1, 4, 3), TOKENS, everything)
    assert rows.shape == (3, 3)
    assert targets.tolist() == [6, 7, 8]


def test_pairs_copy_nothing():
    predictions = torch.zeros(2, 4, 3)
    pairs = next_token_pairs(predictions, TOKENS.expand(2, 4), SUPERVISED.expand(2, 4))
    assert pairs.predicting.untyped_storage().data_ptr() == predictions.untyped_storage().data_ptr()


def test_sequences_with_messages_of_other_lengths_line_up():
    """The same tokens behind 0 and behind 2 latent positions give the same rows."""
    predictions = torch.arange(4.0).reshape(1, 4, 1)
    longer = torch.cat([torch.full((1, 2, 1), -1.0), predictions], dim=1)
    tokens = torch.cat([torch.zeros(1, 2, dtype=torch.long), TOKENS], dim=1)
    mask = torch.cat([torch.zeros(1, 2, dtype=torch.bool), SUPERVISED], dim=1)
    short, long = supervised_logits(predictions, TOKENS, SUPERVISED), supervised_logits(longer, tokens, mask)
    assert torch.equal(short.logits, long.logits)
    assert torch.equal(short.targets, long.targets)


def test_gradient_reaches_only_predicting_positions():
    predictions = torch.zeros(1, 4, 2, requires_grad=True)
    supervised_logits(predictions, TOKENS, SUPERVISED).logits.sum().backward()
    assert predictions.grad[0, :, 0].tolist() == [0.0, 1.0, 1.0, 0.0]


def test_the_first_supervised_token_of_each_row_is_predicted_by_the_token_before_it():
    """The first token of an answer is predicted at the end of the prompt; left padding moves both alike."""
    predictions = torch.arange(12.0).reshape(2, 6, 1)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6], [0, 0, 1, 2, 3, 4]])
    supervised = torch.tensor([[False, False, True, True, False, True], [False] * 4 + [True, False]])
    rows, targets = supervised_logits(predictions, tokens, supervised)
    assert targets.tolist() == [3, 4, 6, 3]
    assert rows.flatten().tolist() == [1.0, 2.0, 4.0, 9.0]


def test_masked_rows_are_in_order_and_keep_what_stands_elsewhere_out_of_the_gradient():
    values = torch.tensor([[[1.0], [math.nan]], [[2.0], [3.0]]], requires_grad=True)
    rows = masked_rows(values, torch.tensor([[True, False], [True, True]]))
    assert rows.flatten().tolist() == [1.0, 2.0, 3.0]
    rows.log().sum().backward()
    assert values.grad.flatten().tolist() == [1.0, 0.0, 0.5, 1 / torch.tensor(3.0)]


def test_masked_rows_of_everything_copy_nothing():
    values = torch.zeros(2, 3, 4)
    rows = masked_rows(values, torch.ones(2, 3, dtype=torch.bool))
    assert rows.shape == (6, 4)
    assert rows.untyped_storage().data_ptr() == values.untyped_storage().data_ptr()


def test_the_mean_of_nothing_is_0_with_a_gradient_of_0():
    assert mean_or_zero(torch.tensor([1.0, 2.0, 6.0])).item() == 3
    nothing = torch.zeros(0, requires_grad=True)
    mean_or_zero(nothing).backward()
    assert nothing.grad.shape == (0,)
