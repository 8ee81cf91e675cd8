"""The estimator of an expected cost's gradient, against the expectation itself."""

import pytest
import torch

from interlat.losses.score_function import RunningBaseline, score_function_loss


@pytest.mark.parametrize("baseline", [0.0, 2.5, -7.0])
def test_its_expectation_is_the_gradient_of_the_expected_cost(baseline: float):
    """Three choices with c(K) = θ_K² + K: Σ_K p(K) ∇estimate(K) = ∇ Σ_K p(K) c(K), for any baseline."""
    logits = torch.tensor([0.3, -1.0, 0.7], dtype=torch.float64, requires_grad=True)
    theta = torch.tensor([1.5, -0.2, 0.4], dtype=torch.float64, requires_grad=True)
    p = torch.softmax(logits, dim=0)
    costs = theta**2 + torch.arange(3)
    exact = torch.autograd.grad((p * costs).sum(), (logits, theta), retain_graph=True)
    estimates = [score_function_loss(costs[k], p[k].log(), baseline) for k in range(3)]
    assert [float(each.detach()) for each in estimates] == costs.tolist(), "its value is the cost"
    drawn = [torch.autograd.grad(each, (logits, theta), retain_graph=True) for each in estimates]
    for place in range(2):
        mean = sum(float(p[k].detach()) * drawn[k][place] for k in range(3))
        assert torch.allclose(mean, exact[place], rtol=0, atol=1e-12)


def test_the_factor_of_one_draw_is_cost_less_baseline():
    """c = 5 with factor 1, log p = −2 with factor 5 − 3."""
    cost = torch.tensor(5.0, requires_grad=True)
    log_probability = torch.tensor(-2.0, requires_grad=True)
    score_function_loss(cost, log_probability, 3.0).backward()
    assert (float(cost.grad), float(log_probability.grad)) == (1.0, 2.0)


def test_recent_costs_weigh_more():
    """d = 0.5 after 4, 1, 7: (4/4 + 1/2 + 7) / (1/4 + 1/2 + 1) = 34/7."""
    baseline = RunningBaseline(0.5)
    assert baseline.mean() is None
    for cost in (4.0, 1.0, 7.0):
        baseline.add(cost)
    assert baseline.mean() == pytest.approx(34 / 7)
    other = RunningBaseline(0.5)
    other.load(baseline.state())
    assert other.mean() == baseline.mean()
