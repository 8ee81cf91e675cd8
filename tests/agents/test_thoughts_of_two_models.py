"""Latent thoughts that one model reads from another's states."""

import torch
from exact_lm import exact_lm

from interlat.agents.latent_thoughts import aligner_between


def test_what_another_model_reads_has_the_length_of_its_own_embeddings():
    """By hand: the mean length of the receiver's rows, which are here five times as long as the sender's."""
    sender, receiver = exact_lm(tied=False), exact_lm("qwen2", tied=False, seed=1)
    with torch.no_grad():
        receiver.get_input_embeddings().weight.mul_(5)
    rows = receiver.get_input_embeddings().weight.detach()
    length = sum(float(row.norm()) for row in rows) / len(rows)
    states = torch.randn(3, 4, 32, dtype=torch.float64)
    for there, back, wanted in ((sender, receiver, length), (receiver, receiver, length)):
        norms = aligner_between(there, back)(states).norm(dim=-1)
        torch.testing.assert_close(norms, torch.full((3, 4), wanted, dtype=torch.float64))
    assert float(aligner_between(receiver, sender)(states).norm(dim=-1).max()) < length / 2
