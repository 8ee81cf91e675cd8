"""The fusion by hand, and what senders that take no part must not change."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.errors import InvalidMessage, InvalidSetting
from interlat.fusion import Fusion


def _fusion(**senders: int) -> Fusion:
    """Weights of every kind, none of them 0."""
    torch.manual_seed(0)
    fusion = Fusion(senders, 4).double()
    for parameter in fusion.parameters():
        torch.nn.init.normal_(parameter)
    return fusion


def _message(width: int, length: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, length, width, generator=generator, dtype=torch.float64)


def test_a_new_fusion_passes_messages_on_one_behind_the_other_to_the_bit():
    fusion = Fusion({"explorer": 4, "critic": 4}, 4).double()
    first, second = _message(4, 3), _message(4, 2, seed=1)
    assert torch.equal(fusion({"explorer": first, "critic": second}), torch.cat([first, second], dim=1))


def test_by_hand():
    """Two senders of one latent each, width 2, marks e_a = [0, 1] and e_b = [1, -2].

    a: [1, 2] + e_a = [1, 3]; LayerNorm [-1, 1] (mean 2, deviation 1). W_1 = [[1, 0], [0, 2]], b_1 = 0 gives [-1, 2].
    GELU(x) = x·Φ(x): -Φ(-1) and 2·Φ(2). W_2 = [[1, 1], [0, 1]], b_2 = [0, 10] gives [-Φ(-1) + 2Φ(2), 2Φ(2) + 10].
    b: [4, 3] + e_b = [5, 1]; LayerNorm [1, -1]; [1, -2]; Φ(1) and -2·Φ(-2).
    """
    fusion = Fusion({"a": 2, "b": 2}, 2).double()
    fusion.norm.eps = 0.0
    values = {
        "marks.a": [0.0, 1.0],
        "marks.b": [1.0, -2.0],
        "inner.weight": [[1.0, 0.0], [0.0, 2.0]],
        "inner.bias": [0.0, 0.0],
        "outer.weight": [[1.0, 1.0], [0.0, 1.0]],
        "outer.bias": [0.0, 10.0],
    }
    loaded = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
    assert fusion.load_state_dict(loaded, strict=False).missing_keys == ["norm.weight", "norm.bias"]

    def phi(x: float) -> float:
        return 0.5 * (1 + math.erf(x / math.sqrt(2)))

    a = [1 - phi(-1) + 2 * phi(2), 3 + 2 * phi(2) + 10]
    b = [5 + phi(1) - 2 * phi(-2), 1 - 2 * phi(-2) + 10]
    got = fusion({"a": torch.tensor([[[1.0, 2.0]]]).double(), "b": torch.tensor([[[4.0, 3.0]]]).double()})
    torch.testing.assert_close(got, torch.tensor([[a, b]], dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_sender_of_another_width_comes_in_through_a_map_of_its_own():
    """At the start: W_i h + b_i, beside the other's latents as they are."""
    fusion = Fusion({"wide": 6, "same": 4}, 4).double()
    wide, same = _message(6, 2), _message(4, 1)
    linear = fusion.inputs["wide"]
    wanted = torch.cat([wide @ linear.weight.T + linear.bias, same], dim=1)
    torch.testing.assert_close(fusion({"wide": wide, "same": same}), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("senders", "count"), [({"a": 8, "b": 8}, 2 * 64 + 32 + 16), ({"a": 8, "b": 3}, 176 + 24 + 8)])
def test_it_has_as_many_parameters_as_documented(senders: dict[str, int], count: int):
    """2D² + 4D + n·D, and D·D_i + D for a sender of another width."""
    assert sum(parameter.numel() for parameter in Fusion(senders, 8).parameters()) == count


def test_the_message_has_the_senders_in_the_declared_order():
    fusion = _fusion(a=4, b=4)
    first, second = _message(4, 3), _message(4, 2, seed=1)
    assert torch.equal(fusion({"b": second, "a": first}), fusion({"a": first, "b": second}))
    assert torch.equal(fusion({"a": first, "b": second})[:, :3], fusion({"a": first})[:, :3])


@given(names=st.permutations(["a", "b", "c", "d"]), heard=st.sets(st.sampled_from(["a", "c", "d"]), min_size=1))
def test_senders_that_are_silent_change_nothing(names: list[str], heard: set[str]):
    """Neither their place among the declared ones nor their weights; all the same where they are not declared at all."""
    widths = {"a": 4, "b": 6, "c": 4, "d": 3}
    messages = {name: _message(widths[name], 2, seed=ord(name)) for name in heard}
    small = _fusion(**{name: widths[name] for name in names if name in heard})
    large = _fusion(**{name: widths[name] for name in names})
    large.load_state_dict(small.state_dict(), strict=False)
    assert torch.equal(large(messages), small(messages))


def test_gradient_by_finite_differences_and_none_for_who_is_silent():
    fusion = _fusion(a=4, b=6, c=4)
    a, b = _message(4, 1).requires_grad_(), _message(6, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: fusion({"a": a, "b": b}), (a, b))
    fusion({"a": a, "b": b}).sum().backward()
    reached = {name for name, parameter in fusion.named_parameters() if parameter.grad is not None}
    assert reached == {name for name, _ in fusion.named_parameters()} - {"marks.c"}


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ({}, "joins messages of a, b, got none"),
        ({"c": 4}, "joins messages of a, b, got one of c"),
        ({"a": 5}, "sender 'a' says latents of width 4, got 5"),
    ],
)
def test_what_it_was_not_built_for_is_refused(messages: dict[str, int], text: str):
    with pytest.raises(InvalidMessage, match=text):
        Fusion({"a": 4, "b": 4}, 4)({name: torch.zeros(1, 2, width) for name, width in messages.items()})


def test_a_fusion_of_nobody_is_refused():
    with pytest.raises(InvalidSetting, match="at least one sender, got none"):
        Fusion({}, 4)
