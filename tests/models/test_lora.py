"""LoRA trains its own matrices and two rows, starts as the backbone, and comes back from disk as it was trained."""

from pathlib import Path

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer
from peft import PeftModel
from torch import Tensor

from interlat.errors import MissingBoundaryTokens
from interlat.models import Lora, add_boundary_tokens, add_lora
from interlat.models.backbone import causal_lm, embed_tokens, hidden_size, last_layer_states, token_logits

SETTINGS = Lora(rank=2, alpha=6.0)
pytestmark = pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")


def _adapted(tied: bool = True, settings: Lora = SETTINGS) -> tuple[PeftModel, tuple[int, int]]:
    lm, tokenizer = foreign_lm(foreign_tokenizer(), tied).eval(), foreign_tokenizer()
    ids = add_boundary_tokens(lm, tokenizer)
    return add_lora(lm, tokenizer, settings), ids


def _ids(boundary: tuple[int, int]) -> Tensor:
    return torch.tensor([[5, 60, boundary[0], 7, 99, boundary[1], 3, 200]])


def _logits(lm: PeftModel, ids: Tensor) -> Tensor:
    """By the parts that the library calls, never through peft's own forward."""
    with torch.no_grad():
        return token_logits(lm, last_layer_states(lm, embed_tokens(lm, ids), torch.ones_like(ids, dtype=torch.bool)))


def _trained(tied: bool, steps: int = 2) -> tuple[PeftModel, Tensor]:
    lm, boundary = _adapted(tied)
    ids = _ids(boundary)
    optimizer = torch.optim.SGD([p for p in lm.parameters() if p.requires_grad], lr=1.0)
    for _ in range(steps):  # the first moves B alone, for A starts at random and B at zero
        optimizer.zero_grad()
        lm(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    return lm.eval(), ids


@pytest.mark.parametrize("tied", [True, False])
def test_it_starts_as_the_backbone(tied: bool):
    bare, tokenizer = foreign_lm(foreign_tokenizer(), tied).eval(), foreign_tokenizer()
    ids = _ids(add_boundary_tokens(bare, tokenizer))
    with torch.no_grad():
        torch.testing.assert_close(_logits(_adapted(tied)[0].eval(), ids), bare(input_ids=ids).logits)


def test_the_update_is_the_product_times_alpha_over_rank():
    """By hand at one layer: W x + (6 / 2) B A x."""
    lm, _ = _adapted()
    layer = causal_lm(lm).get_decoder().layers[1].self_attn.q_proj
    assert causal_lm(lm).get_decoder().layers[1].self_attn.k_proj.__class__ is torch.nn.Linear
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    with torch.no_grad():
        up.normal_()
        x = torch.randn(4, 32)
        torch.testing.assert_close(layer.eval()(x), x @ layer.base_layer.weight.T + 3.0 * x @ down.T @ up.T)
    assert (down.shape, up.shape) == ((2, 32), (32, 2))


def test_exactly_these_are_trained():
    lm, _ = _adapted()
    trained = {name: parameter.numel() for name, parameter in lm.named_parameters() if parameter.requires_grad}
    rows = {name: count for name, count in trained.items() if "lora" not in name}
    assert list(rows.values()) == [2 * 32]
    # q: (32 + 32) x 2, v: (32 + 16) x 2 with two of four heads for keys and values; two layers.
    assert sum(trained.values()) - 2 * 32 == 2 * (128 + 96)


@pytest.mark.parametrize("tied", [True, False])
def test_training_moves_the_boundary_rows_and_no_other(tied: bool):
    lm, ids = _trained(tied)
    before, boundary = _adapted(tied)
    changed = (_rows(lm) != _rows(before)).any(dim=1).nonzero().flatten().tolist()
    assert changed == list(boundary)
    torch.testing.assert_close(_logits(lm, ids), lm(input_ids=ids).logits.detach())


def _rows(lm: PeftModel) -> Tensor:
    with torch.no_grad():
        return embed_tokens(lm, torch.arange(causal_lm(lm).config.vocab_size))


@pytest.mark.parametrize("tied", [True, False])
def test_a_tied_head_reads_with_the_trained_rows(tied: bool):
    lm, _ = _trained(tied)
    size = causal_lm(lm).config.vocab_size
    with torch.no_grad():
        head = token_logits(lm, torch.eye(32)).T
    assert head.shape == (size, 32)
    assert torch.allclose(head, _rows(lm)) is tied


@pytest.mark.parametrize("tied", [True, False])
def test_what_was_trained_comes_back(tmp_path: Path, tied: bool):
    lm, ids = _trained(tied)
    lm.save_pretrained(tmp_path)
    base, tokenizer = foreign_lm(foreign_tokenizer(), tied), foreign_tokenizer()
    add_boundary_tokens(base, tokenizer)
    again = PeftModel.from_pretrained(base, str(tmp_path)).eval()
    assert torch.equal(_logits(again, ids), _logits(lm, ids))
    assert not torch.allclose(_logits(lm, ids), _logits(_adapted(tied)[0].eval(), ids), atol=0.1)


def test_dropout_is_off_in_eval_mode():
    lm, boundary = _adapted(settings=Lora(rank=2, dropout=0.5))
    for name, parameter in lm.named_parameters():
        parameter.data.normal_() if "lora_B" in name else None
    ids = _ids(boundary)
    assert torch.equal(_logits(lm.eval(), ids), _logits(lm, ids))
    assert not torch.equal(_logits(lm.train(), ids), _logits(lm, ids))


def test_other_layers_can_be_named():
    lm, _ = _adapted(settings=Lora(rank=1, target_modules=("up_proj",)))
    adapted = [name for name, parameter in lm.named_parameters() if parameter.requires_grad and "lora" in name]
    assert len(adapted) == 2 * 2
    assert all("up_proj" in name for name in adapted)


def test_the_width_is_seen_through_the_wrapper():
    assert hidden_size(_adapted()[0]) == 32


def test_boundary_tokens_come_first():
    with pytest.raises(MissingBoundaryTokens, match="add_boundary_tokens"):
        add_lora(foreign_lm(foreign_tokenizer()), foreign_tokenizer(), SETTINGS)
