"""Two ways to the same numbers: what a message is made of, how a batch is padded, and what is cached must not matter."""

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.actor import Actor, NoAdapter
from interlat.agents.compressor import Compressor
from interlat.agents.sender import ReasoningAgent, left_pad
from interlat.models import TinyLM, add_boundary_tokens, build_tiny_lm, train_tokenizer
from interlat.models.backbone import embed_tokens, last_layer_states, token_logits
from interlat.models.cache import KVState, extend
from interlat.models.decoding import Sampling
from interlat.splice import Segments, lay_out

EXACT = 1e-9  # float64
TEXTS = [
    "Take mug 1 from cabinet 3.",
    "You are in the middle of a room. Your task is to: put a mug in fridge.",
    "go to drawer 2",
]
PROMPTS = ["Where is mug 1?", "put a mug in fridge. go to drawer 2, please, and look around", "go"]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer([*TEXTS, *PROMPTS], 400)


@pytest.fixture(params=["llama", "qwen2"])
def lm(request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    model = build_tiny_lm(TinyLM(request.param, hidden_size=32, num_layers=2, num_heads=4), tokenizer).double()
    add_boundary_tokens(model, tokenizer)
    # Fresh weights are so small that all logits are alike; spread ones make a wrong position or mask visible.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4) if parameter.ndim > 1 else None
    return model


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text)["input_ids"])


def _report(name: str, difference: float | torch.Tensor, capsys: pytest.CaptureFixture[str]) -> None:
    difference = float(torch.as_tensor(difference).detach())
    with capsys.disabled():
        print(f"\n{name}: max difference {difference:.1e}")  # noqa: T201 - the number is what is asked for
    assert difference < EXACT


def test_a_plan_spliced_as_a_message_gives_the_logits_of_its_tokens(lm, tokenizer, capsys):
    actor = Actor(lm, tokenizer, NoAdapter(), "action").eval()
    head, plan, tail = (_ids(tokenizer, text) for text in TEXTS)
    row = Segments(head, tail, [True] * len(tail), len(plan))
    layout = lay_out([row], actor.boundary, tokenizer.pad_token_id)
    spliced = actor.predict(layout, [actor.embed(torch.tensor(plan))])
    bop, eop = actor.boundary
    whole = torch.tensor([[*head, bop, *plan, eop, *tail]])
    logits = lm(input_ids=whole).logits[0, -len(tail) - 1 : -1]
    assert spliced.targets.tolist() == tail
    assert logits.std() > 0.1
    _report("spliced plan = plan's tokens", (spliced.logits - logits).abs().max(), capsys)


@pytest.mark.parametrize("padding", ["left", "right"])
@torch.no_grad()
def test_a_batch_gives_the_logits_of_each_row_alone(lm, tokenizer, padding, capsys):
    actor = Actor(lm, tokenizer, NoAdapter(), "action").eval()
    generator = torch.Generator().manual_seed(0)
    rows, messages = [], []
    for number, prompt in enumerate(PROMPTS):
        tail = _ids(tokenizer, TEXTS[number])
        rows.append(Segments(_ids(tokenizer, prompt), tail, [True] * len(tail), 2 + number))
        messages.append(torch.randn(2 + number, 32, generator=generator, dtype=torch.float64))
    together = actor.predict(lay_out(rows, actor.boundary, tokenizer.pad_token_id, padding), messages)
    worst = 0.0
    for number, row in enumerate(rows):
        alone = actor.predict(lay_out([row], actor.boundary, tokenizer.pad_token_id), [messages[number]])
        worst = max(worst, float((together.logits[together.rows == number] - alone.logits).abs().max().detach()))
    _report(f"batch ({padding} padding) = one by one", worst, capsys)


@torch.no_grad()
def test_reading_in_pieces_with_a_cache_gives_the_states_of_reading_at_once(lm, tokenizer, capsys):
    """Pieces of unequal length, holes squeezed out in between, and a row dropped on the way."""
    pieces = [[_ids(tokenizer, PROMPTS[(row + turn) % 3]) for row in range(3)] for turn in range(4)]
    state = KVState.empty(3, torch.device("cpu"))
    rows = [0, 1, 2]
    for turn, piece in enumerate(pieces):
        ids, mask = left_pad([piece[row] for row in rows], tokenizer.pad_token_id, torch.device("cpu"))
        last = extend(lm, state, embed_tokens(lm, ids), mask)[:, -1]
        if turn == 1:
            state.compact()
        if turn == 2:
            state.select([2, 0])
            rows = [2, 0]
    worst = 0.0
    for place, row in enumerate(rows):
        whole = torch.tensor([[token for piece in pieces for token in piece[row]]])
        states = last_layer_states(lm, embed_tokens(lm, whole), torch.ones_like(whole, dtype=torch.bool))
        worst = max(worst, float((last[place] - states[0, -1]).abs().max().detach()))
    assert state.next_position.tolist() == [sum(len(piece[row]) for piece in pieces) for row in rows]
    _report("cached = uncached", worst, capsys)


@torch.no_grad()
def test_a_sender_keeps_the_states_that_predicted_its_plan(lm, tokenizer, capsys):
    """h_1 is the state at the last prompt token, h_l the one that predicts y_l; written = read, batched = alone."""
    sender = ReasoningAgent(lm, tokenizer, Sampling(max_new_tokens=7))
    prompts = [_ids(tokenizer, prompt) for prompt in PROMPTS]
    written = sender.write(prompts)
    read = sender.read(prompts, [plan.ids for plan in written])
    worst = 0.0
    for prompt, plan, again in zip(prompts, written, read, strict=True):
        assert len(plan.ids) == len(plan.latents) > 0
        whole = torch.tensor([[*prompt, *plan.ids]])
        states = last_layer_states(lm, embed_tokens(lm, whole), torch.ones_like(whole, dtype=torch.bool))[0]
        expected = states[len(prompt) - 1 : len(prompt) - 1 + len(plan.ids)]
        assert token_logits(lm, expected).argmax(-1).tolist() == plan.ids
        worst = max(
            worst, float((plan.latents - expected).abs().max()), float((again.latents - expected).abs().max().detach())
        )
    _report("states kept = states of one pass", worst, capsys)


def test_compressed_messages_of_a_batch_are_those_of_each_prompt_alone(lm, tokenizer, capsys):
    torch.manual_seed(0)
    compressor = Compressor(lm, tokenizer, num_latents=4).double().eval()
    prompts = [_ids(tokenizer, prompt) for prompt in PROMPTS]
    together = compressor(prompts)
    alone = torch.cat([compressor([prompt]) for prompt in prompts])
    assert together.shape == (3, 4, 32)
    assert (together[0] - together[1]).abs().max() > 0.01
    _report("compressed batch = one by one", (together - alone).abs().max(), capsys)


def test_gradient_reaches_everything_through_all_steps(lm, tokenizer):
    """The last latent alone moves the bridge and every layer of the language model."""
    torch.manual_seed(0)
    compressor = Compressor(lm, tokenizer, num_latents=5).double()
    compressor([_ids(tokenizer, PROMPTS[0])])[:, -1].pow(2).sum().backward()
    assert compressor.bridge.linear.weight.grad.norm() > 0
    assert all(p.grad is not None and p.grad.norm() > 0 for p in lm.get_decoder().layers.parameters())
