"""Tokens drawn by one number each: as often as they should be, the same in any batch, and by nothing but the generators given."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from interlat.errors import InvalidSetting
from interlat.models.decoding import Sampling, choose, keyed_generators

VOCAB = 40
LIKELY = 0.001  # p-value below which a test of a true hypothesis fails; seeds are fixed, so it does not fail by chance
ALMOST_ONE = 1 - 2.0**-53  # the largest number that torch draws


def _logits(vocab: int = VOCAB, seed: int = 0, spread: float = 1.5) -> Tensor:
    return spread * torch.randn(vocab, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _wanted(logits: Tensor, sampling: Sampling) -> Tensor:
    """The definition, by sorting: temperature, the top_k likeliest, then the fewest of them that hold the mass top_p."""
    scaled = logits.double() / sampling.temperature
    order = scaled.argsort(descending=True)[: sampling.top_k or len(logits)].tolist()
    mass = dict(zip(order, scaled[order].softmax(dim=0).tolist(), strict=True))
    kept, held = [], 0.0
    while order and held < sampling.top_p:
        kept.append(order.pop(0))
        held += mass[kept[-1]]
    wanted = torch.zeros(len(logits), dtype=torch.float64)
    wanted[kept] = torch.tensor([mass[token] for token in kept], dtype=torch.float64)
    return wanted / wanted.sum()


def _name(sampling: Sampling) -> str:
    return f"{sampling.temperature}-{sampling.top_p}-{sampling.top_k}"


SAMPLINGS = [
    Sampling(1.0),
    Sampling(0.6, 0.95),
    Sampling(1.7),
    Sampling(1.0, top_k=12),
    Sampling(1.3, 0.9, 25),
    Sampling(0.7, 0.5),
]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=_name)
@pytest.mark.parametrize("how", ["one generator", "one a row", "one over time"])
def test_tokens_come_up_as_often_as_they_should(sampling: Sampling, how: str):
    """χ²: of rows of a batch, of rows with keys of their own, and of one row's generator step by step."""
    logits, count = _logits(), 1000 if how == "one over time" else 6000
    many = logits.expand(count, -1)
    if how == "one generator":
        drawn = choose(many, sampling, torch.Generator().manual_seed(1))
    elif how == "one a row":
        drawn = choose(many, sampling, keyed_generators([f"question {number}" for number in range(count)]))
    else:
        (row,) = keyed_generators(["question"])
        drawn = torch.cat([choose(logits[None], sampling, [row]) for _ in range(count)])
    wanted, counts = _wanted(logits, sampling), torch.bincount(drawn, minlength=VOCAB).double()
    assert float(counts[wanted == 0].sum()) == 0
    often = wanted * count >= 5  # where χ² may be read; the rest counts as one
    rare = (~often) & (wanted > 0)
    seen, expected = [*counts[often].tolist()], [*(count * wanted[often]).tolist()]
    if bool(rare.any()):
        seen, expected = [*seen, float(counts[rare].sum())], [*expected, float(count * wanted[rare].sum())]
    assert chisquare(seen, expected).pvalue > LIKELY


def test_one_draw_says_nothing_of_the_next():
    """χ² of pairs: two draws of one row, and draws of two rows, against the product of their shares."""
    logits = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    shares = logits.exp().outer(logits.exp()).flatten() * 4000
    rows = keyed_generators([f"question {number}" for number in range(4000)])
    first, second = (choose(logits.expand(4000, -1), Sampling(1.0), rows) for _ in range(2))
    for one, other in ((first, second), (first[:-1], first[1:])):
        seen = torch.bincount(3 * one + other, minlength=9).double()
        assert chisquare(seen, shares * (len(one) / 4000)).pvalue > LIKELY


@settings(max_examples=60)
@given(
    vocab=st.sampled_from([1, 2, 7, 300, 3000]),
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([0.001, 1.0, 10.0]),
    top_p=st.floats(0.01, 1.0),
    top_k=st.sampled_from([0, 1, 5, 500]),
)
def test_the_tokens_kept_are_those_that_sorting_gives(vocab, seed, spread, top_p, top_k):
    """Also where more than the first tokens looked at are needed. Every kept token comes up where u falls into its interval."""
    logits, sampling = _logits(vocab, seed, spread), Sampling(1.0, top_p, top_k)
    wanted = _wanted(logits, sampling)
    kept = torch.nonzero(wanted).flatten()
    ends = wanted[kept].cumsum(dim=0)
    middles = ends - wanted[kept] / 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda rows, **_: middles[:rows])
        drawn = choose(logits.expand(len(kept), -1), sampling, torch.Generator())
    assert drawn.tolist() == kept.tolist()


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=_name)
def test_the_ends_of_the_interval_are_the_first_and_the_last_token_kept(sampling: Sampling, monkeypatch):
    """Rounding would lift the last number to the total, and what lies behind it was dropped."""
    for seed in range(20):
        logits = _logits(seed=seed)
        kept = torch.nonzero(_wanted(logits, sampling)).flatten().tolist()
        monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([0.0, ALMOST_ONE], dtype=torch.float64))
        drawn = choose(torch.stack([logits, logits]), sampling, torch.Generator()).tolist()
        assert drawn == [kept[0], kept[-1]]


def test_a_nucleus_may_hold_most_of_the_vocabulary():
    """Weights that fall from e to 1 over 1000 tokens: nine tenths are held by far more than are looked at first."""
    logits = torch.linspace(1, 0, 1000, dtype=torch.float64)
    kept = int((_wanted(logits, Sampling(1.0, 0.9)) > 0).sum())
    drawn = choose(logits.expand(3000, -1), Sampling(1.0, 0.9), torch.Generator().manual_seed(0))
    assert kept - 50 < int(drawn.max()) < kept
    assert 800 < kept < 900


def test_tokens_as_likely_as_the_last_one_kept_are_kept():
    """Which of them comes first is an accident of sorting: half the mass of 4 equal tokens keeps all four."""
    drawn = choose(torch.zeros(400, 4), Sampling(1.0, 0.5), torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {0, 1, 2, 3}


def test_a_row_draws_the_same_alone_and_in_any_batch():
    """By values: each row of a batch, of it turned round, and by itself; rows with one key draw alike, and by the same numbers."""
    keys, logits = ["a", "b", "c", "a"], torch.stack([_logits(seed=seed) for seed in (0, 1, 2, 0)])
    hot = Sampling(1.5, 0.95)
    generators = keyed_generators(keys)
    drawn = torch.stack([choose(logits, hot, generators) for _ in range(20)])
    turned = keyed_generators(keys[::-1])
    assert torch.equal(torch.stack([choose(logits.flip(0), hot, turned) for _ in range(20)]).flip(1), drawn)
    for row, key in enumerate(keys):
        alone = keyed_generators([key])
        assert [int(choose(logits[row][None], hot, alone)) for _ in range(20)] == drawn[:, row].tolist()
    assert torch.equal(drawn[:, 0], drawn[:, 3])
    assert not torch.equal(drawn[:, 0], drawn[:, 1])


def test_last_digits_of_logits_do_not_move_a_draw():
    """As those of one question differ between batches. The likeliest fifty tokens are there twice, and may not change places."""
    logits = torch.cat([_logits(50) + 4, _logits(50) + 4, _logits(900)])
    for noise_seed in range(20):
        noise = 1e-12 * _logits(1000, noise_seed)
        one, other = (
            choose(each.expand(200, -1), Sampling(0.8, 0.95), torch.Generator().manual_seed(noise_seed))
            for each in (logits, logits + noise)
        )
        assert torch.equal(one, other)


def test_nothing_is_drawn_from_the_global_state():
    before = torch.get_rng_state()
    choose(torch.zeros(3, 9), Sampling(1.0), keyed_generators("abc"))
    choose(torch.zeros(3, 9), Sampling(1.0), torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_without_the_generators_they_need_are_refused():
    logits = torch.zeros(3, 9)
    with pytest.raises(
        InvalidSetting, match=r"temperature 0.7, wanted a generator, or one for each of 3 rows, got none"
    ):
        choose(logits, Sampling(0.7), None)
    with pytest.raises(InvalidSetting, match=r"one for each of 3 rows, got 2; give torch.Generator"):
        choose(logits, Sampling(0.7), keyed_generators("ab"))
    assert choose(logits, Sampling(0.0), None).tolist() == [0, 0, 0]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(broken: float):
    logits = torch.zeros(2, 5)
    logits[1, 3] = broken
    with pytest.raises(InvalidSetting, match="sampling wants finite logits"):
        choose(logits, Sampling(1.0), torch.Generator())
    logits[1, 3] = -math.inf  # a token left out
    assert 3 not in choose(logits[1].expand(200, -1), Sampling(1.0), torch.Generator().manual_seed(0)).tolist()


@pytest.mark.parametrize("wrong", [{"temperature": -0.1}, {"temperature": math.nan}, {"top_p": 0.0}, {"top_p": 1.1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(InvalidSetting, match=r"top_p within \(0, 1\], got Sampling"):
        Sampling(**wrong)
    for counted in ("top_k", "max_new_tokens"):
        with pytest.raises(InvalidSetting, match=f"{counted}=-1"):
            Sampling(**{counted: -1})
