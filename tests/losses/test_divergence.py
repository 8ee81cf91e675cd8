"""Divergences: values by hand, parity with torch.distributions and scipy, range, symmetry, precision and gradient."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from torch.distributions import Categorical
from torch.distributions import kl_divergence as reference_kl

from interlat.losses import js_divergence, kl_divergence

logit_rows = st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5)
fast = settings(deadline=None, derandomize=True, max_examples=60)


def log_of(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities, dtype=torch.float64).log()


def test_kl_by_hand_tells_its_arguments_apart():
    """p = (1/2, 1/2), q = (1/4, 3/4).

    KL(p‖q) = 1/2 ln 2 + 1/2 ln(2/3) = 1/2 ln(4/3)
    KL(q‖p) = 1/4 ln(1/2) + 3/4 ln(3/2) = 3/4 ln 3 − ln 2
    """
    p, q = log_of(0.5, 0.5), log_of(0.25, 0.75)
    assert kl_divergence(p, q).item() == pytest.approx(0.5 * math.log(4 / 3), abs=1e-12)
    assert kl_divergence(q, p).item() == pytest.approx(0.75 * math.log(3) - math.log(2), abs=1e-12)


def test_js_by_hand():
    """p = (1/2, 1/2), q = (1/4, 3/4), m = (3/8, 5/8).

    KL(p‖m) = 1/2 ln(4/3) + 1/2 ln(4/5);  KL(q‖m) = 1/4 ln(2/3) + 3/4 ln(6/5);  JS is half their sum.
    The reversed form, ½[KL(m‖p) + KL(m‖q)], is another number.
    """
    p, q, m = log_of(0.5, 0.5), log_of(0.25, 0.75), log_of(0.375, 0.625)
    expected = (0.5 * math.log(4 / 3) + 0.5 * math.log(4 / 5) + 0.25 * math.log(2 / 3) + 0.75 * math.log(6 / 5)) / 2
    assert js_divergence(p, q).item() == pytest.approx(expected, abs=1e-12)
    reversed_form = (kl_divergence(m, p) + kl_divergence(m, q)) / 2
    assert abs(reversed_form.item() - expected) > 1e-4


def test_js_of_distributions_without_a_common_token_is_ln_2():
    p, q = torch.tensor([[0.0, -1e4]], dtype=torch.float64), torch.tensor([[-1e4, 0.0]], dtype=torch.float64)
    assert js_divergence(p, q).item() == pytest.approx(math.log(2), abs=1e-12)


def test_parity_with_torch_and_scipy():
    generator = torch.Generator().manual_seed(0)
    p, q = (3 * torch.randn(4, 3, 11, dtype=torch.float64, generator=generator) for _ in range(2))
    expected = reference_kl(Categorical(logits=p), Categorical(logits=q))
    torch.testing.assert_close(kl_divergence(p, q), expected, atol=1e-12, rtol=0)
    # scipy gives the square root of JS.
    expected_js = torch.from_numpy(jensenshannon(p.softmax(-1).numpy(), q.softmax(-1).numpy(), axis=-1) ** 2)
    torch.testing.assert_close(js_divergence(p, q), expected_js, atol=1e-12, rtol=0)


@fast
@given(logit_rows, logit_rows, st.sampled_from([torch.float32, torch.float64]))
def test_range_and_symmetry(p_row, q_row, dtype):
    p, q = torch.tensor(p_row, dtype=dtype), torch.tensor(q_row, dtype=dtype)
    js = js_divergence(p, q)
    assert 0 <= js.item() <= float(torch.tensor(math.log(2), dtype=dtype))
    torch.testing.assert_close(js, js_divergence(q, p), atol=1e-6, rtol=1e-6)
    assert js_divergence(p, p).item() == pytest.approx(0, abs=1e-6)
    assert kl_divergence(p, q).item() >= -1e-5
    assert kl_divergence(p, p).item() == 0


@fast
@given(logit_rows, logit_rows, st.floats(-100, 100))
def test_adding_a_number_to_all_logits_changes_nothing(p_row, q_row, shift):
    p, q = torch.tensor(p_row, dtype=torch.float64), torch.tensor(q_row, dtype=torch.float64)
    torch.testing.assert_close(js_divergence(p + shift, q), js_divergence(p, q), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(kl_divergence(p, q + shift), kl_divergence(p, q), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_and_extremes_stay_finite(dtype):
    top = 65504.0  # the largest float16
    p = torch.tensor([[top, -top, 0.0]], dtype=dtype, requires_grad=True)
    q = torch.tensor([[-top, top, 0.0]], dtype=dtype)
    total = js_divergence(p, q).sum() + kl_divergence(p, q).sum()
    total.backward()
    assert total.dtype == torch.float32
    assert torch.isfinite(total)
    assert torch.isfinite(p.grad).all()


def test_double_precision_is_kept():
    logits = torch.zeros(2, 3, dtype=torch.float64)
    assert js_divergence(logits, logits).dtype == kl_divergence(logits, logits).dtype == torch.float64


def test_gradients():
    """Numerically, and by hand: d KL(p‖q) / d q_logits = softmax(q) − softmax(p)."""
    generator = torch.Generator().manual_seed(1)
    p, q = (torch.randn(3, 4, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(kl_divergence, (p, q))
    assert torch.autograd.gradcheck(js_divergence, (p, q))
    (gradient,) = torch.autograd.grad(kl_divergence(p, q).sum(), q)
    torch.testing.assert_close(gradient, (q.softmax(-1) - p.softmax(-1)).detach(), atol=1e-12, rtol=0)


def test_js_keeps_its_gradient_where_rounding_would_push_the_value_below_zero():
    """Near p = q the value is below float32's rounding, the gradient is not: d JS/d p_i = ½ p_i (ln(p_i/m_i) − KL(p‖m)).

    Some of the 200 values would round below 0; with a clamp those rows would get no gradient at all.
    """
    generator = torch.Generator().manual_seed(2)
    q = torch.randn(200, 50, generator=generator)
    p = (q + 1e-4 * torch.randn(200, 50, generator=generator)).requires_grad_()
    js = js_divergence(p, q)
    js.sum().backward()
    assert js.min() >= 0
    assert (p.grad.abs().amax(dim=1) > 1e-8).all()
