"""Collaborations of tiny agents: what each reads, takes over, hands on and pays, for every method and topology."""

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from tiny_collaborations import QUESTIONS, SHORT, question_lm, question_tokenizer, tiny_collaboration
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.account import total
from interlat.agents.collaboration import Answered, Collaboration
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import CollaborationSettings, cast
from interlat.agents.handover import Handover
from interlat.errors import InvalidSetting
from interlat.messages import Span
from interlat.models import TinyLM, build_tiny_lm, train_tokenizer
from interlat.models.backbone import decoder, embed_tokens, last_layer_states, token_logits
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return question_tokenizer()


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    return question_lm(tokenizer)


@pytest.fixture
def forwards(lm: PreTrainedModel) -> Iterator[list[tuple[int, int]]]:
    """Rows and entries of every forward."""
    seen: list[tuple[int, int]] = []
    hook = decoder(lm).register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(tuple(kwargs["inputs_embeds"].shape[:2])), with_kwargs=True
    )
    yield seen
    hook.remove()


METHODS = [
    ("single", "single", "chain"),
    ("text-mas", "sequential", "chain"),
    ("text-mas", "hierarchical", "tree"),
    ("latent-mas", "sequential", "chain"),
    ("latent-mas", "hierarchical", "chain"),
    ("latent-mas", "hierarchical", "tree"),
    ("hybrid", "sequential", "chain"),
    ("hybrid", "hierarchical", "tree"),
]


@pytest.mark.parametrize(("method", "who", "topology"), METHODS)
def test_a_batch_is_answered_as_each_question_alone(lm, tokenizer, method, who, topology):
    """Words and costs, and to 1e-9 the states from which the last agent answers, which differ from question to question."""
    collaboration = tiny_collaboration(lm, tokenizer, method, who, topology=topology)
    states = _before_answering(collaboration, QUESTIONS)
    one_by_one = torch.cat([_before_answering(collaboration, [question]) for question in QUESTIONS])
    assert float((states - one_by_one).abs().max()) < 1e-9
    assert min(float((states[row] - states[row - 1]).abs().max()) for row in range(3)) > 0.01
    for question, answered in zip(QUESTIONS, collaboration.answer(QUESTIONS), strict=True):
        (alone,) = collaboration.answer([question])
        assert (alone.text, alone.stopped, alone.texts) == (answered.text, answered.stopped, answered.texts)
        assert _counts(alone) == _counts(answered)


@torch.no_grad()
def _before_answering(collaboration: Collaboration, questions: list[Question]) -> torch.Tensor:
    settings, left = collaboration.settings, {}
    for agent in settings.agents:
        heard = [left[other.name] for other in settings.heard_by(agent)]
        ledger = Ledger(agent.name, len(questions), CPU)
        if agent is settings.agents[-1]:
            return collaboration.read(agent, questions, heard, ledger)[1]
        left[agent.name] = collaboration.work(agent, questions, heard, ledger)
    raise AssertionError


def _counts(answered: Answered) -> list[object]:
    return [dataclasses.replace(account, seconds=0.0) for account in answered.accounts]


def _prompts(collaboration: Collaboration, question: Question) -> list[list[int]]:
    return [collaboration.prompt_ids(agent, question, {}) for agent in collaboration.settings.agents]


@torch.no_grad()
def test_a_chain_is_one_long_text_with_thoughts_in_it(lm, tokenizer):
    """Greedy, token by token, without a cache: prompt, four thoughts, prompt, four thoughts, prompt …, and what follows."""
    collaboration = tiny_collaboration(lm, tokenizer)
    answered = collaboration.answer(QUESTIONS[:2])
    align = collaboration._aligner("planner", collaboration.settings.agents[0])
    for question, answer in zip(QUESTIONS[:2], answered, strict=True):
        inputs = torch.zeros(1, 0, 32, dtype=torch.float64)

        def latest(inputs: torch.Tensor) -> torch.Tensor:
            return last_layer_states(lm, inputs, torch.ones(inputs.shape[:2], dtype=torch.bool))[:, -1:]

        for number, ids in enumerate(_prompts(collaboration, question)):
            inputs = torch.cat([inputs, embed_tokens(lm, torch.tensor([ids]))], dim=1)
            for _ in range(4 if number < 3 else 0):
                inputs = torch.cat([inputs, align(latest(inputs))], dim=1)
        written = []
        for _ in range(6):
            written.append(int(token_logits(lm, latest(inputs)).argmax()))
            inputs = torch.cat([inputs, embed_tokens(lm, torch.tensor([[written[-1]]]))], dim=1)
        assert answer.text == tokenizer.decode(written, skip_special_tokens=True)


def test_no_prompt_is_read_twice(lm, tokenizer, forwards):
    """Every position of the batch passes the model once: prompts, thoughts, and one forward for each token written."""
    collaboration = tiny_collaboration(lm, tokenizer)
    (answered,) = collaboration.answer(QUESTIONS[1:2])
    prompts = [len(ids) for ids in _prompts(collaboration, QUESTIONS[1])]
    assert [entries for _, entries in forwards[:-6]] == [
        *(entries for length in prompts[:3] for entries in (length, 1, 1, 1, 1)),
        prompts[3],
    ]
    assert forwards[-6:] == 6 * [(1, 1)]
    assert [account.prefill_positions for account in answered.accounts] == prompts
    assert total(answered.accounts).latent_steps == 12


def test_accounts_of_a_chain_and_a_tree(lm, tokenizer):
    """A position holds 2 layers × 2 (keys, values) × 2 heads × 8 numbers of 8 bytes; a chain moves everything before, a tree once."""
    position = 2 * 2 * 2 * 8 * 8
    for topology in ("chain", "tree"):
        collaboration = tiny_collaboration(lm, tokenizer, "latent-mas", "hierarchical", topology=topology)
        (answered,) = collaboration.answer(QUESTIONS[:1])
        held = [len(ids) + 4 for ids in _prompts(collaboration, QUESTIONS[0])[:3]]
        chain = [0, held[0], held[0] + held[1], sum(held)]
        expected = chain if topology == "chain" else [0, 0, 0, sum(held)]
        assert [account.kv_bytes for account in answered.accounts] == [position * each for each in expected]
        assert [account.latent_steps for account in answered.accounts] == [4, 4, 4, 0]
        assert [account.output_tokens for account in answered.accounts] == [0, 0, 0, 6]
        assert all(account.seconds > 0 for account in answered.accounts)
    kept = tiny_collaboration(lm, tokenizer, keep=Keep(kinds="latents", layers=(1,), layer_sink=0))
    (answered,) = kept.answer(QUESTIONS[:1])
    assert [account.kv_bytes for account in answered.accounts] == [position // 2 * 4 * number for number in range(4)]


def test_words_travel_as_words(lm, tokenizer):
    """In a chain each hears all before it; in a tree only the last hears, and all; a hybrid's prompts are those of text-mas."""
    for method in ("text-mas", "hybrid"):
        chain = tiny_collaboration(lm, tokenizer, method, text_tokens=3)
        (answered,) = chain.answer(QUESTIONS[:1])
        texts = answered.texts
        assert list(texts) == ["planner", "critic", "refiner"]
        agents = chain.settings.agents
        read = [
            len(chain.prompt_ids(agent, QUESTIONS[0], dict(list(texts.items())[:number])))
            for number, agent in enumerate(agents)
        ]
        assert [account.prefill_positions for account in answered.accounts] == read
        assert [account.output_tokens for account in answered.accounts] == [3, 3, 3, 6]
        assert (total(answered.accounts).kv_bytes > 0) == (method == "hybrid")
        assert total(answered.accounts).latent_steps == (12 if method == "hybrid" else 0)
    tree = tiny_collaboration(lm, tokenizer, "text-mas", "hierarchical", topology="tree", text_tokens=3)
    (answered,) = tree.answer(QUESTIONS[:1])
    agents, texts = tree.settings.agents, answered.texts
    read = [len(tree.prompt_ids(agent, QUESTIONS[0], {})) for agent in agents[:3]]
    last = len(tree.prompt_ids(agents[3], QUESTIONS[0], texts))
    assert [account.prefill_positions for account in answered.accounts] == [*read, last]


def test_a_hybrids_message_holds_no_words(lm, tokenizer):
    collaboration = tiny_collaboration(lm, tokenizer, "hybrid")
    planner = collaboration.settings.agents[0]
    with torch.no_grad():
        left = collaboration.work(planner, QUESTIONS[:1], [], Ledger("planner", 1, lm.device))
    assert left.texts[0]["planner"]
    assert left.messages[0].spans == (Span("planner", "prompt"), Span("planner", "latent"))
    assert len(left.messages[0].entries) == len(collaboration.prompt_ids(planner, QUESTIONS[0], {})) + 4


def test_the_message_matters_and_controls_change_it(lm, tokenizer):
    """The state the last agent answers from, under every control; zeroed messages of one length all give the same."""

    def states(**settings) -> torch.Tensor:
        return _before_answering(tiny_collaboration(lm, tokenizer, **settings), QUESTIONS[:2])

    plain = states()
    for control in ("zero", "swap", "permute", "untrained"):
        changed = states(control=control)
        assert float((changed - plain).abs().max()) > 0.01, control
        assert torch.equal(changed, states(control=control)), control
    assert float((states(latent_steps=0) - plain).abs().max()) > 0.01
    assert float((states(latent_steps=0) - states(latent_steps=0, control="zero")).abs().max()) > 0.01


def test_no_latent_steps_still_send_the_prompts(lm, tokenizer):
    """The released code drops the cache then; here 0 steps are prompts handed on."""
    collaboration = tiny_collaboration(lm, tokenizer, latent_steps=0)
    (answered,) = collaboration.answer(QUESTIONS[:1])
    assert [account.latent_steps for account in answered.accounts] == [0, 0, 0, 0]
    assert answered.accounts[-1].kv_bytes > 0
    with pytest.raises(InvalidSetting, match=r"sends nothing of planner, critic, refiner, who take 0 latent steps"):
        tiny_collaboration(lm, tokenizer, latent_steps=0, keep=Keep(kinds="latents"))


def test_tokenizers_must_agree_and_models_be_there(lm, tokenizer):
    other = train_tokenizer(["quite other words"], 300)
    agents = cast("sequential")
    mixed = (dataclasses.replace(agents[0], model="other"), *agents[1:])
    settings = CollaborationSettings(mixed, "latent-mas", "tiny", sampling=SHORT)
    with pytest.raises(InvalidSetting, match=r"their tokenizers must be the same, got \{'other'"):
        Collaboration(settings, {"tiny": (lm, tokenizer), "other": (build_tiny_lm(TinyLM(), other), other)})
    with pytest.raises(InvalidSetting, match=r"got none for other; load them"):
        Collaboration(settings, {"tiny": (lm, tokenizer)})


def test_a_text_too_long_for_the_model_is_refused(lm, tokenizer):
    collaboration = tiny_collaboration(lm, tokenizer)
    lm.config.max_position_embeddings = 700
    try:
        with pytest.raises(InvalidSetting, match=r"agent 'judger' would read up to position .* its model knows 700"):
            collaboration.answer(QUESTIONS[:1])
    finally:
        lm.config.max_position_embeddings = 4096


def test_a_half_wide_model_works_in_its_own_type(tokenizer, caplog):
    """bfloat16 throughout, layers left out and gaps closed; who takes no steps is not warned about steps."""
    narrow = build_tiny_lm(TinyLM(hidden_size=32, num_layers=2), tokenizer).to(torch.bfloat16)
    keep = Keep(kinds="latents", layers=(1,), positions="contiguous")
    collaboration = tiny_collaboration(narrow, tokenizer, "hybrid", "hierarchical", topology="tree", keep=keep)
    assert caplog.text.count("does nothing") == 1
    assert [answered.accounts[3].kv_bytes for answered in collaboration.answer(QUESTIONS)] == [
        # Three agents of four latents in layer 1, and the first of each in layer 0: 4 heads of 8 numbers of 2 bytes, twice.
        3 * (4 + 1) * 4 * 8 * 2 * 2
    ] * 3
    tiny_collaboration(narrow, tokenizer, "text-mas")
    assert caplog.text.count("does nothing") == 1


def test_sampling_is_repeated_by_its_seed(lm, tokenizer):
    collaboration = tiny_collaboration(lm, tokenizer, sampling=Sampling(1.0, 0.95, max_new_tokens=8))
    first, again = collaboration.answer(QUESTIONS, seed=1), collaboration.answer(QUESTIONS, seed=1)
    assert [answered.text for answered in first] == [answered.text for answered in again]
    assert [answered.text for answered in collaboration.answer(QUESTIONS, seed=2)] != [each.text for each in first]


def test_gradient_of_the_last_agent_reaches_the_first(lm, tokenizer):
    """Nothing is detached on the way but words: what trains a trace needs no other path than this."""
    collaboration = tiny_collaboration(lm, tokenizer, topology="tree", who="hierarchical", layout="follow")
    agents = collaboration.settings.agents
    lm.requires_grad_(requires_grad=False)
    weight = lm.model.layers[0].self_attn.k_proj.weight.requires_grad_()
    left: list[Handover] = []
    for agent in agents[:-1]:
        left.append(collaboration.work(agent, QUESTIONS[:1], [], Ledger(agent.name, 1, lm.device)))
    frozen = [dataclasses.replace(each, messages=tuple(_detached(each))) for each in left]
    gradients = []
    for heard in (left, frozen):
        state = collaboration.read(agents[-1], QUESTIONS[:1], heard, Ledger("last", 1, lm.device))[1]
        gradients.append(torch.autograd.grad(state.pow(2).sum(), weight)[0])
    assert float((gradients[0] - gradients[1]).norm()) > 0.1 * float(gradients[0].norm())
    weight.requires_grad_(requires_grad=False)


def _detached(handover: Handover):
    for message in handover.messages:
        keys, values = ([tensor.detach() for tensor in tensors] for tensors in (message.keys, message.values))
        yield dataclasses.replace(message, keys=tuple(keys), values=tuple(values))
