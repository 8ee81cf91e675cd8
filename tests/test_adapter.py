"""Communication adapter: parity with its parts, size, start, padding, errors."""

import math

import pytest
import torch
from torch import nn

from interlat.adapter import CommunicationAdapter
from interlat.errors import InvalidMessage, InvalidSetting


def adapter(sender_dim: int = 16, receiver_dim: int = 16, num_heads: int = 4) -> CommunicationAdapter:
    torch.manual_seed(0)
    return CommunicationAdapter(sender_dim, receiver_dim, num_heads).double().eval()


def batch(sender_dim: int = 16, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(2, 5, sender_dim, dtype=torch.float64, generator=generator)
    return latents, torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


def predicted(seed: int, count: int = 40) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    """Messages whose latents are the embeddings of the tokens they predict, turned by a rotation, noise added; and the tokens' table.

    The embeddings are of one size and centred, as those of trained models nearly are: the adapter's norms keep no other.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(30, 16, dtype=torch.float64, generator=generator)
    table = 0.05 * nn.functional.layer_norm(drawn, (16,))
    mixing = 40 * torch.linalg.qr(torch.randn(16, 16, dtype=torch.float64, generator=generator))[0]
    draw = torch.Generator().manual_seed(seed)
    ids = [torch.randint(30, (3 + number % 7,), generator=draw) for number in range(count)]
    noise = [0.2 * torch.randn(len(row), 16, dtype=torch.float64, generator=draw) for row in ids]
    return (
        [table[row] @ mixing + more for row, more in zip(ids, noise, strict=True)],
        [table[row] for row in ids],
        table,
    )


def test_a_fitted_adapter_says_the_embeddings_also_of_messages_it_was_not_fitted_to():
    module, (messages, embeddings, table) = adapter(), predicted(seed=1)
    explained = module.requires_grad_(requires_grad=False).fit(messages, embeddings)
    assert explained > 0.8
    messages, embeddings, _ = predicted(seed=2)
    said = torch.cat([module(row[None], torch.ones(1, len(row), dtype=torch.bool))[0] for row in messages])
    wanted = torch.cat(embeddings)
    assert float((said - wanted).pow(2).sum() / wanted.pow(2).sum()) < 0.3
    nearest = nn.functional.normalize(said, dim=-1) @ nn.functional.normalize(table, dim=-1).T
    right = (nearest.argmax(-1) == (wanted[:, None] == table).all(-1).int().argmax(-1)).double().mean()
    assert right > 0.95
    torch.testing.assert_close(said.pow(2).mean(), wanted.pow(2).mean(), rtol=0.1, atol=0)


def test_a_fit_to_embeddings_that_have_nothing_to_do_with_the_latents_explains_nothing():
    messages, _, _ = predicted(seed=1)
    _, others, _ = predicted(seed=3)
    assert adapter().fit(messages, others) < 0.2


def test_fitting_leaves_the_mode_and_makes_nothing_constant():
    module, (messages, embeddings, _) = adapter().train(), predicted(seed=1)
    module.fit(messages, embeddings)
    assert module.training
    latents, mask = batch()
    module(latents, mask).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize(("dim", "expected"), [(64, 25_346), (896, 4_827_650), (3584, 77_113_346), (4096, 100_712_450)])
def test_parameter_count(dim, expected):
    """6D² + 12D + 2: attention 4D² + 4D, two linears 2D² + 2D, three norms 6D, two scales."""
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in CommunicationAdapter(dim, dim).parameters())
    assert count == expected == 6 * dim**2 + 12 * dim + 2


def test_another_width_adds_one_linear():
    with torch.device("meta"):
        sizes = [sum(p.numel() for p in CommunicationAdapter(width, 4096).parameters()) for width in (3584, 4096)]
    assert sizes[0] - sizes[1] == 3584 * 4096 + 4096


@pytest.mark.parametrize("sender_dim", [16, 24])
def test_against_the_equations_with_attention_written_out(sender_dim):
    """One message at a time, no padding, softmax(QKᵀ/√d)V by hand; scales and biases moved off their start."""
    module = adapter(sender_dim)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    latents, mask = batch(sender_dim)
    adapted = module(latents, mask)
    for row, length in enumerate([5, 3]):
        expected = reference(module, latents[row, :length])
        torch.testing.assert_close(adapted[row, :length], expected, atol=1e-12, rtol=0)


def reference(module: CommunicationAdapter, latents: torch.Tensor) -> torch.Tensor:
    state = module.state_dict()

    def linear(inputs, name):
        return inputs @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(inputs, name, eps):
        centred = inputs - inputs.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    inputs = linear(latents, "input") if "input.weight" in state else latents
    normed = norm(inputs, "input_norm", 1e-6)
    heads, dim = module.attention.num_heads, module.receiver_dim
    packed = normed @ state["attention.in_proj_weight"].T + state["attention.in_proj_bias"]
    query, key, value = (part.reshape(-1, heads, dim // heads).transpose(0, 1) for part in packed.chunk(3, dim=-1))
    scores = query @ key.transpose(1, 2) / math.sqrt(dim // heads)
    attended = linear((scores.softmax(-1) @ value).transpose(0, 1).flatten(1), "attention.out_proj")
    residual = state["message_scale"] * norm(normed + attended, "attention_norm", 1e-6)
    hidden = linear(residual, "inner")
    gelu = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
    return state["output_scale"] * (residual + linear(norm(gelu, "inner_norm", 1e-5), "outer"))


def test_attention_is_torchs_own_with_its_weights():
    module = adapter()
    fresh = nn.MultiheadAttention(16, 4, batch_first=True).double()
    fresh.load_state_dict(module.attention.state_dict())
    assert module.attention.dropout == 0.1


@pytest.mark.parametrize("filler", [0.0, 1e6, math.nan, math.inf])
@pytest.mark.parametrize("training", [False, True])
def test_padding_never_changes_a_real_row(filler, training):
    module = adapter()
    module.attention.dropout = 0.0
    module.train(training)
    latents, mask = batch()
    alone = module(latents[1:, :3], mask[1:, :3])
    padded = module(latents.masked_fill(~mask[..., None], filler), mask)
    torch.testing.assert_close(padded[1:, :3], alone, atol=1e-12, rtol=0)
    assert not padded[1, 3:].any()


def test_a_row_of_padding_alone_is_zero_and_harms_no_gradient():
    module = adapter().train()
    latents, mask = batch()
    mask[1] = False
    latents = latents.requires_grad_()
    adapted = module(latents, mask)
    adapted.square().sum().backward()
    assert not adapted[1].any()
    assert torch.isfinite(latents.grad).all()
    assert not latents.grad[1].any()
    assert all(torch.isfinite(parameter.grad).all() for parameter in module.parameters())


def test_attention_always_has_something_to_attend_to():
    """What a softmax over nothing gives (0 or NaN) depends on torch's version and kernel, so it is never asked for."""
    module = adapter()
    seen = []
    module.attention.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["key_padding_mask"]), with_kwargs=True
    )
    latents, mask = batch()
    mask[0] = False
    module(latents, mask)
    assert seen[0].tolist() == [[False] * 5, [False] * 3 + [True] * 2]


def test_the_order_of_latents_carries_no_position():
    """No positional encoding and no causal mask: permuting the message permutes the output."""
    module = adapter()
    latents, mask = batch()
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(module(latents[:1, order], mask[:1]), module(latents[:1], mask[:1])[:, order])


def test_start_scales_and_output_size():
    """s = 0.2, o = 0.1: the output starts near 0.02 of a normalised message, whatever the input's scale."""
    torch.manual_seed(0)
    module = CommunicationAdapter(256, 256).eval()
    assert module.message_scale.item() == pytest.approx(0.2)
    assert module.output_scale.item() == pytest.approx(0.1)
    latents, mask = torch.randn(1, 40, 256), torch.ones(1, 40, dtype=torch.bool)
    for scale in (1.0, 300.0):
        rms = module(scale * latents, mask).square().mean().sqrt().item()
        assert rms == pytest.approx(0.02, rel=0.02)


def test_start_of_each_weight():
    """Xavier-uniform bounds: gain · √(6 / (fan_in + fan_out)); a uniform draw of thousands comes within 1 % of its bound."""
    torch.manual_seed(0)
    module = CommunicationAdapter(128, 128)
    bounds = {
        "attention.in_proj_weight": math.sqrt(6 / (4 * 128)) / math.sqrt(3),
        "attention.out_proj.weight": math.sqrt(6 / (2 * 128)),
        "outer.weight": 0.01 * math.sqrt(6 / (2 * 128)),
    }
    state = module.state_dict()
    for name, bound in bounds.items():
        assert 0.99 * bound < state[name].abs().max().item() <= bound
    assert state["inner.weight"].std().item() == pytest.approx(0.02, rel=0.03)
    for name in ("attention.in_proj_bias", "attention.out_proj.bias", "inner.bias", "outer.bias"):
        assert not state[name].any()


def test_every_parameter_receives_gradient_and_appears_once():
    module = adapter(24).train()
    latents, mask = batch(24)
    module(latents, mask).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in module.parameters())
    addresses = [parameter.data_ptr() for parameter in module.parameters()]
    assert len(set(addresses)) == len(addresses)


def test_gradcheck():
    module = adapter(4, 4, 2)
    latents = torch.randn(1, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    mask = torch.tensor([[True, True, False]])
    assert torch.autograd.gradcheck(lambda x: module(x, mask), (latents,))


def test_a_message_stored_in_half_precision_is_read():
    latents, mask = batch()
    assert adapter().float()(latents.half(), mask).dtype == torch.float32


def test_wrong_settings_and_widths_are_refused():
    with pytest.raises(InvalidSetting, match=r"8 heads for width 20"):
        CommunicationAdapter(20, 20)
    with pytest.raises(InvalidSetting, match=r"0 heads"):
        CommunicationAdapter(16, 16, num_heads=0)
    latents, mask = batch(24)
    with pytest.raises(InvalidMessage, match=r"width 16, got 24"):
        adapter()(latents, mask)
