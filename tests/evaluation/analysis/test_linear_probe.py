"""The probe reaches the minimum it states, and that minimum is right where it is known."""

import math

import pytest
import torch

from interlat.evaluation.analysis.linear_probe import GRADIENT_TOLERANCE, fit_linear_probe


@pytest.mark.parametrize("shape", [(40, 6), (20, 50)], ids=["tall", "wide"])
@pytest.mark.parametrize("penalty", [0.3, 5.0])
def test_the_gradient_vanishes_at_the_fitted_weights(shape: tuple[int, int], penalty: float):
    """Σ cross-entropy + ½·penalty·‖W‖² has gradient Xᵀ(P − Y) + penalty·W in W and Σ(P − Y) in the bias; it is convex."""
    features, classes = 3 * torch.randn(shape) + 2, torch.randint(0, 4, (shape[0],))
    fitted = fit_linear_probe(features, classes, 4, penalty)
    standardised = (features.double() - fitted.mean) / fitted.scale
    assert standardised.std(dim=0, correction=0).tolist() == pytest.approx([1.0] * shape[1])
    wrong = fitted.logits(features).softmax(dim=1) - torch.nn.functional.one_hot(classes, 4)
    # The fit measures its gradient in paced directions, none of which is slower than that of the weights by more than this.
    bound = GRADIENT_TOLERANCE * math.sqrt(penalty + standardised.pow(2).sum())
    assert float((standardised.T @ wrong + penalty * fitted.weights).abs().max()) < bound
    assert float(wrong.sum(dim=0).abs().max()) < GRADIENT_TOLERANCE


def test_features_that_say_nothing_leave_the_frequencies():
    """Constant features: the bias alone fits, p = 3/4 and 1/4."""
    fitted = fit_linear_probe(torch.full((4, 3), 7.0), torch.tensor([0, 0, 0, 1]), 2)
    assert fitted.logits(torch.full((1, 3), 7.0)).softmax(dim=1)[0].tolist() == pytest.approx([0.75, 0.25], abs=1e-3)
    assert torch.isfinite(fitted.weights).all()


def test_weights_of_one_feature_by_hand():
    """x = ±1 with its sign as class, one each: by symmetry W = (−w, w), b = 0, and w solves 2·w = 2·σ(−2w)·1.

    Objective 2·ln(1 + e^(−2w)) + ½·penalty·2w²; its derivative −4·σ(−2w) + 2·penalty·w is 0 at penalty = 2·σ(−2w)/w.
    With w = 0.5: penalty = 4·σ(−1) = 4/(1 + e).
    """
    fitted = fit_linear_probe(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), 2, penalty=4 / (1 + math.e))
    assert fitted.weights[0].tolist() == pytest.approx([-0.5, 0.5], abs=1e-3)
    assert (fitted.bias[1] - fitted.bias[0]).item() == pytest.approx(0.0, abs=1e-3)


def test_separable_classes_are_told_apart():
    classes = torch.arange(60) % 3
    features = 0.1 * torch.randn(60, 5) + torch.nn.functional.one_hot(classes, 5)
    fitted = fit_linear_probe(features[:30], classes[:30], 3)
    assert torch.equal(fitted.predict(features[30:]), classes[30:])


def test_a_class_without_an_example_is_not_predicted():
    classes = torch.tensor([0, 2] * 10)
    fitted = fit_linear_probe(torch.randn(20, 3), classes, 4)
    assert set(fitted.predict(torch.randn(200, 3)).tolist()) <= {0, 2}
