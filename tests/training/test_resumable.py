"""A run that was interrupted gives, to the bit, what it would have given otherwise."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_agents import KillBefore, KilledError, fit

from interlat.training.resumable import ResumableLoader, SeededBatches

STEPS = 8  # two epochs of four batches


def _every_step(folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(folder, save_last=True, every_n_train_steps=1)


@pytest.fixture(scope="module")
def unbroken(tasks: Any, actor_stage: Any, compression_stage: Any) -> dict[str, list[float]]:
    """The losses of a run of each stage that nothing stopped."""
    return {"actor": fit(actor_stage(), tasks(), STEPS), "compression": fit(compression_stage(), tasks(), STEPS)}


@pytest.mark.parametrize("killed_before", [1, 3, 4, 5, 7])
@pytest.mark.parametrize("stage", ["actor", "compression"])
def test_resumed_losses_are_those_of_an_unbroken_run(
    request: pytest.FixtureRequest, tasks: Any, unbroken: Any, tmp_path: Path, stage: str, killed_before: int
):
    make = request.getfixturevalue(f"{stage}_stage")
    with pytest.raises(KilledError):
        fit(make(), tasks(), STEPS, _every_step(tmp_path), KillBefore(killed_before))
    resumed = fit(make(), tasks(), STEPS, _every_step(tmp_path), ckpt_path="last")
    assert len(set(unbroken[stage])) == STEPS
    assert resumed == unbroken[stage][killed_before:]


@pytest.mark.parametrize("killed_before", [1, 3])
def test_resuming_is_exact_with_accumulated_gradients(actor_stage: Any, tasks: Any, tmp_path: Path, killed_before: int):
    whole = fit(actor_stage(), tasks(), 4, accumulate_grad_batches=2)
    with pytest.raises(KilledError):
        fit(actor_stage(), tasks(), 4, _every_step(tmp_path), KillBefore(killed_before), accumulate_grad_batches=2)
    assert (
        fit(actor_stage(), tasks(), 4, _every_step(tmp_path), accumulate_grad_batches=2, ckpt_path="last")
        == whole[killed_before:]
    )


@given(size=st.integers(1, 40), batch_size=st.integers(1, 8), seed=st.integers(0, 5), by_length=st.booleans())
def test_an_epoch_has_every_item_once_up_to_a_last_smaller_batch(
    size: int, batch_size: int, seed: int, by_length: bool
):
    batches = SeededBatches(size, batch_size, seed, [i % 7 for i in range(size)] if by_length else None)
    first, second = list(batches), list(batches)
    for epoch in (first, second):
        flat = [index for batch in epoch for index in batch]
        assert len(epoch) == len(batches) == max(1, size // batch_size)
        assert len(set(flat)) == len(flat) == min(size, len(batches) * batch_size)
    if len(batches) > 6:
        assert first != second
    assert list(SeededBatches(size, batch_size, seed, batches.lengths)) == first


def test_the_longest_items_are_not_always_those_left_out():
    """10 items in batches of 4, two left out an epoch: that the longest is among them 30 times in a row has odds of 1 in 5^30."""
    batches = SeededBatches(10, 4, 0, lengths=range(10))
    seen = [{index for batch in batches for index in batch} for _ in range(30)]
    assert all(any(index in epoch for epoch in seen) for index in range(10))
    assert all(any(index not in epoch for epoch in seen) for index in range(10))


def test_similar_lengths_share_a_batch():
    """40 items in one pool: sorted, so that no batch of 4 spans more than the 4 lengths it must."""
    lengths = [(7 * i) % 40 for i in range(40)]
    batches = list(SeededBatches(40, 4, 0, lengths))
    assert all(max(lengths[i] for i in batch) - min(lengths[i] for i in batch) == 3 for batch in batches)
    starts = [min(lengths[i] for i in batch) for batch in batches]
    assert starts != sorted(starts)


def test_every_epoch_of_a_run_has_an_order_of_its_own(actor_stage: Any, tasks: Any):
    games: list[list[str]] = []

    class Seen(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            games.append([record.game_id for record in batch.records])

    fit(actor_stage(), tasks(), 8, Seen())
    assert sorted(map(sorted, games[:4])) != sorted(map(sorted, games[4:]))


@given(size=st.integers(1, 60), batch_size=st.integers(1, 5), processes=st.integers(1, 4), by_length=st.booleans())
def test_processes_share_an_epoch(size: int, batch_size: int, processes: int, by_length: bool):
    lengths = [i % 7 for i in range(size)] if by_length else None
    whole = list(SeededBatches(size, batch_size, 0, lengths))
    shares = [list(SeededBatches(size, batch_size, 0, lengths, (rank, processes))) for rank in range(processes)]
    assert {len(share) for share in shares} == {max(1, len(whole) // processes)}
    together = [batch for step in zip(*shares, strict=True) for batch in step]
    if len(whole) >= processes:
        assert together == whole[: len(together)]
    else:
        assert all(batch in whole for batch in together)


@given(size=st.integers(1, 20), batch_size=st.integers(1, 5), given_out=st.integers(0, 30))
def test_a_loader_goes_on_behind_what_it_gave(size: int, batch_size: int, given_out: int):
    def loader() -> ResumableLoader:
        return ResumableLoader(list(range(size)), SeededBatches(size, batch_size, seed=3), list)

    straight, first, wanted = loader(), loader(), []
    while len(wanted) < given_out + 10:
        wanted += list(straight)
    got: list[Any] = []
    while len(got) < given_out:
        for batch in first:
            got.append(batch)
            if len(got) == given_out:
                break
    resumed = loader()  # made anew, as another process does
    resumed.load_state_dict(first.state_dict())
    while len(got) < given_out + 10:
        got += list(resumed)
    assert got[: given_out + 10] == wanted[: given_out + 10]
