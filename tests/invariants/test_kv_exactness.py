"""KV messages lose nothing: relayed, batched, cut and merged, they give the numbers of one long computation written out by hand."""

import pytest
import torch
from exact_lm import VOCAB, by_hand, causal, exact_lm
from torch import Tensor
from transformers import PreTrainedModel

from interlat.agents.latent_thoughts import Aligner, aligner, think
from interlat.messages import KVMessage, Span, load, save
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import KVState, extend
from interlat.models.kv import Keep, contiguous, keep_layers, kept, merged, messages_of, state_of

EXACT = 1e-9  # float64
STEPS = 3
AGENTS = ("planner", "critic", "refiner")


@pytest.fixture(params=["llama", "qwen2"])
def lm(request: pytest.FixtureRequest) -> PreTrainedModel:
    return exact_lm(request.param, tied=False)


def _tokens(length: int, seed: int) -> Tensor:
    return torch.randint(0, VOCAB, (length,), generator=torch.Generator().manual_seed(seed))


def _read(lm: PreTrainedModel, state: KVState, rows: list[Tensor], span: Span | None = None) -> Tensor:
    """Read prompts of unequal length, padded on the left; the states behind them."""
    width = max(map(len, rows))
    ids, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :], mask[number, width - len(row) :] = row, True
    return extend(lm, state, embed_tokens(lm, ids), mask, span)


def _speak(lm: PreTrainedModel, state: KVState, rows: list[Tensor], agent: str, align: Aligner) -> Tensor:
    """Prompt and latent thoughts of one agent; the inputs that the thoughts were read as, [batch, steps, dim]."""
    latest = _read(lm, state, rows, Span(agent, "prompt"))[:, -1]
    return align(think(lm, state, latest, align, STEPS, Span(agent, "latent")).states)


def _relay(lm: PreTrainedModel, prompts: list[list[Tensor]], keep: Keep) -> tuple[list[KVMessage], list[Tensor]]:
    """Agents in a chain, by messages that go through files of nothing but tensors in memory; and all inputs, row by row."""
    align, messages, inputs = aligner(lm, "ridge"), None, [[] for _ in prompts[0]]
    for agent, rows in zip(AGENTS, prompts, strict=True):
        state = KVState.empty(len(rows), lm.device) if messages is None else state_of(messages)
        thoughts = _speak(lm, state, rows, agent, align)
        for row, (ids, thought) in enumerate(zip(rows, thoughts, strict=True)):
            inputs[row] += [embed_tokens(lm, ids), thought]
        messages = [kept(lm, message, keep, agent) for message in messages_of(state)]
    return messages, [torch.cat(row) for row in inputs]


def _logits(lm: PreTrainedModel, messages: list[KVMessage], rows: list[Tensor]) -> list[Tensor]:
    states = _read(lm, state_of(messages), rows)
    return [token_logits(lm, states[number, states.shape[1] - len(row) :]) for number, row in enumerate(rows)]


def _report(name: str, got: list[Tensor], expected: list[Tensor], capsys: pytest.CaptureFixture[str]) -> None:
    assert all(each.shape == other.shape for each, other in zip(got, expected, strict=True))
    assert min(float(each.std()) for each in expected) > 0.1
    worst = max(float((each - other).abs().max()) for each, other in zip(got, expected, strict=True))
    with capsys.disabled():
        print(f"\n{name}: max logit difference {worst:.1e}")  # noqa: T201 - the number is what is asked for
    assert worst < EXACT


def _prompts(batch: int) -> list[list[Tensor]]:
    """For each agent one prompt a row, all of unequal length."""
    return [[_tokens(3 + 2 * agent + 4 * row, 10 * agent + row) for row in range(batch)] for agent in range(3)]


@torch.no_grad()
def test_the_reference_is_the_model(lm, capsys):
    ids = _tokens(9, 0)
    states = by_hand(lm, embed_tokens(lm, ids), torch.arange(9), causal(9))
    _report("by hand = transformers", [lm(input_ids=ids[None]).logits[0]], [token_logits(lm, states)], capsys)


@torch.no_grad()
def test_relaying_a_cache_is_one_long_prompt(lm, capsys):
    """Three agents with thoughts between them, and a fourth that reads, against one pass over all they read and thought."""
    messages, inputs = _relay(lm, _prompts(1), Keep())
    last = _tokens(6, 99)
    whole = torch.cat([inputs[0], embed_tokens(lm, last)])
    states = by_hand(lm, whole, torch.arange(len(whole)), causal(len(whole)))
    got = _logits(lm, messages, [last])
    _report("relayed cache = one long prompt", got, [token_logits(lm, states[-6:])], capsys)
    once = lm(inputs_embeds=whole[None]).logits[0, -6:]
    _report("relayed cache = one long prompt, as transformers has it", got, [once], capsys)
    assert messages[0].next_position == len(inputs[0])
    assert [(span.agent, span.kind) for span in messages[0].spans] == [
        (name, kind) for name in AGENTS for kind in ("prompt", "latent")
    ]


@pytest.mark.parametrize(
    "keep",
    [
        Keep(),
        Keep(kinds="latents"),
        Keep(agents="latest", positions="contiguous"),
        Keep(share=0.5, recent=2),
        Keep(layers=(0, 2)),
    ],
    ids=["whole", "latents", "latest-contiguous", "share", "layers"],
)
@torch.no_grad()
def test_a_batch_of_unequal_prompts_is_one_by_one(lm, keep, capsys):
    prompts, lasts = _prompts(4), [_tokens(2 + 3 * row, 50 + row) for row in range(4)]
    together = _logits(lm, _relay(lm, prompts, keep)[0], lasts)
    alone = []
    for row, last in enumerate(lasts):
        messages, _ = _relay(lm, [[rows[row]] for rows in prompts], keep)
        alone += _logits(lm, messages, [last])
    assert float((together[0][-1] - together[1][-1]).abs().max()) > 0.01
    _report("batch = one by one", together, alone, capsys)


@pytest.mark.parametrize(
    "keep",
    [Keep(kinds="latents"), Keep(agents="latest"), Keep(agents="latest", kinds="latents"), Keep(share=0.4, recent=3)],
    ids=["latents", "latest", "latest-latents", "share"],
)
@torch.no_grad()
def test_what_stays_of_a_message_keeps_its_distances(lm, keep, capsys):
    """Reference: one pass over everything, in which the last reader does not see what was taken out."""
    messages, inputs = _relay(lm, _prompts(1), Keep())
    (cut,) = (kept(lm, message, keep, AGENTS[-1]) for message in messages)
    assert 0 < len(cut.entries) < len(messages[0].entries)
    last = _tokens(6, 99)
    whole = torch.cat([inputs[0], embed_tokens(lm, last)])
    sees = causal(len(whole))
    gone = torch.ones(len(inputs[0]), dtype=torch.bool)
    gone[cut.positions] = False
    sees[-6:, : len(gone)] &= ~gone
    states = by_hand(lm, whole, torch.arange(len(whole)), sees)
    _report("cut message = unseen entries", _logits(lm, [cut], [last]), [token_logits(lm, states[-6:])], capsys)


@torch.no_grad()
def test_closing_gaps_turns_keys_to_where_they_now_stand(lm, capsys):
    """Of one block that ends where the reader begins, nothing changes; of entries with gaps between, distances shrink by the gaps.

    Reference for the gaps: keys of a pass at the old positions, turned here by e^(i (q − p) θ), read at the new ones.
    """
    (message,), _ = _relay(lm, _prompts(1), Keep())
    last = _tokens(6, 99)
    block = kept(lm, message, Keep(agents="latest"), AGENTS[-1])
    closed = contiguous(lm, block)
    assert closed.positions.tolist() == list(range(len(block.entries)))
    assert closed.next_position == len(block.entries)
    assert closed.entries.place.tolist() == block.entries.place.tolist()
    _report("contiguous block = tracked", _logits(lm, [closed], [last]), _logits(lm, [block], [last]), capsys)
    gapped = kept(lm, message, Keep(kinds="latents"), AGENTS[-1])
    closed = contiguous(lm, gapped, start=5)
    moved = torch.arange(5, 5 + len(gapped.entries))
    angles = (moved - gapped.positions)[:, None] * 10000.0 ** -(torch.arange(4, dtype=torch.float64) / 4)
    turn = torch.polar(torch.ones_like(angles), angles)
    for got, keys in zip(closed.keys, gapped.keys, strict=True):
        pairs = torch.complex(keys[..., :4], keys[..., 4:]) * turn
        assert float((got - torch.cat([pairs.real, pairs.imag], dim=-1)).abs().max()) < EXACT
    assert (closed.positions.tolist(), closed.next_position) == (moved.tolist(), 5 + len(moved))
    tracked = _logits(lm, [gapped], [last])[0]
    assert float((_logits(lm, [closed], [last])[0] - tracked).abs().max()) > 1e-3  # the two are different messages


@pytest.mark.parametrize("layout", ["follow", "overlap"])
@torch.no_grad()
def test_a_tree_is_experts_that_do_not_see_each_other(lm, layout, capsys):
    """By hand: each expert sees itself, the last reader all of them, at the positions that the layout says."""
    align, messages, inputs = aligner(lm, "ridge"), [], []
    for number, agent in enumerate(AGENTS):
        state, ids = KVState.empty(1, lm.device), _tokens(4 + 3 * number, number)
        thoughts = _speak(lm, state, [ids], agent, align)
        messages += messages_of(state)
        inputs.append(torch.cat([embed_tokens(lm, ids), thoughts[0]]))
    last, lengths = _tokens(6, 99), [len(each) for each in inputs]
    whole, total = torch.cat([*inputs, embed_tokens(lm, last)]), sum(lengths)
    starts = [sum(lengths[:number]) if layout == "follow" else 0 for number in range(3)]
    begins = total if layout == "follow" else max(lengths)
    positions = torch.cat(
        [torch.arange(start, start + length) for start, length in zip([*starts, begins], [*lengths, 6], strict=True)]
    )
    sees = causal(len(whole))
    for number, length in enumerate(lengths):
        before = sum(lengths[:number])
        sees[before : before + length, :before] = False
    states = by_hand(lm, whole, positions, sees)
    tree = merged(lm, messages, layout)
    assert (tree.positions.tolist(), tree.next_position) == (positions[:total].tolist(), begins)
    _report(f"tree, {layout} = by hand", _logits(lm, [tree], [last]), [token_logits(lm, states[-6:])], capsys)
    chained = by_hand(lm, whole, torch.arange(len(whole)), causal(len(whole)))
    assert float((token_logits(lm, chained[-6:]) - token_logits(lm, states[-6:])).abs().max()) > 1e-3


@torch.no_grad()
def test_layers_that_were_not_sent_are_not_seen_there(lm, capsys):
    """By hand: in layer 1 the last reader sees itself and the first entry of the message, elsewhere everything."""
    (message,), inputs = _relay(lm, _prompts(1), Keep())
    cut = keep_layers(message, [0, 2])
    last = _tokens(6, 99)
    whole = torch.cat([inputs[0], embed_tokens(lm, last)])
    sees = causal(len(whole)).repeat(3, 1, 1)
    sees[1, -6:, 1 : len(inputs[0])] = False
    expected = token_logits(lm, by_hand(lm, whole, torch.arange(len(whole)), sees)[-6:])
    got = _logits(lm, [cut], [last])
    _report("some layers = unseen in the others", got, [expected], capsys)
    lm.set_attn_implementation("eager")  # softmax in float32
    assert float((_logits(lm, [cut], [last])[0] - expected).abs().max()) < 1e-4
    lm.set_attn_implementation("sdpa")
    # One token at a time, as an answer is written, and beside a row that has all layers.
    rows = [_tokens(6, 98), last]
    state = state_of([message, cut])
    for column in range(6):
        states = _read(lm, state, [row[column : column + 1] for row in rows])
    _report("written token by token", [token_logits(lm, states[1])], [expected[-1:]], capsys)
    plain = _logits(lm, [message], rows[:1])
    _report("beside a row with all layers", [token_logits(lm, states[0])], [plain[0][-1:]], capsys)


@torch.no_grad()
def test_a_saved_message_says_the_same(lm, tmp_path, capsys):
    messages, _ = _relay(lm, _prompts(2), Keep(kinds="latents", layers=(0, 1)))
    for number, message in enumerate(messages):
        save(message, tmp_path / f"{number}")
    loaded = [load(tmp_path / f"{number}") for number in range(2)]
    rows = [_tokens(4, 7), _tokens(6, 8)]
    _report("saved = kept in memory", _logits(lm, loaded, rows), _logits(lm, messages, rows), capsys)


def test_gradient_reaches_the_first_agent_through_every_hand_over(lm):
    """The last reader's logits move with the first agent's prompt, as they do in one long pass."""
    align, first = aligner(lm, "rescale"), embed_tokens(lm, _tokens(4, 0)).detach()
    gradients = []
    for relayed in (True, False):
        start, real = first.clone().requires_grad_(), torch.ones(1, 4, dtype=torch.bool)
        state = KVState.empty(1, lm.device)
        latest = extend(lm, state, start[None], real)[:, -1]
        think(lm, state, latest, align, STEPS)
        if relayed:
            state = state_of([contiguous(lm, message, start=2) for message in messages_of(state)])
        _read(lm, state, [_tokens(5, 1)])[:, -1].pow(3).sum().backward()
        gradients.append(start.grad)
    assert gradients[0].norm() > 1e-3
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-10)
