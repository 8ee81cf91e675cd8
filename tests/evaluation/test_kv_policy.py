"""Rollouts that begin with keys and values: batches are exact to the last action, and costs go to the right agent and episode."""

from pathlib import Path

import pytest
import torch
from tiny_kv import RECORDS, VIEWS, plain_actor
from torch import Tensor

from interlat.agents.actor import Actor
from interlat.agents.kv_sender import KVSender
from interlat.errors import InvalidSetting
from interlat.evaluation.actor_policy import ActorPolicy
from interlat.evaluation.condition_source import Speakers, source_of
from interlat.evaluation.conditions import Condition
from interlat.evaluation.kv_source import KVSource
from interlat.evaluation.message_source import CrossTaskSource, SenderSource, SilentSource
from interlat.evaluation.policies import Decision, Opening
from interlat.models.decoding import Sampling

GAMES = {record.game_id: view for record, view in zip(RECORDS, VIEWS, strict=True)}
OPENINGS = [Opening(record.game_id, record.task_type, "", record.opening) for record in RECORDS]
SEEN = [
    "You see nothing.",
    "On the desk 2, you see a mug 1 and a plate 2.",
    "Nothing happens.",
    "You arrive at drawer 4.",
]
RUNNING = [[0, 1, 2, 3], [0, 1, 2, 3], [0, 2, 3], [2, 3], [2]]  # slots at each turn: games end one after another


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Actor:
    return plain_actor(tmp_path_factory.mktemp("kv_policy"))


def _policy(actor: Actor, control: str | None = None, steps: int = 3) -> ActorPolicy:
    source = KVSource(KVSender(actor.lm, actor.tokenizer, steps, "house"), control)
    return ActorPolicy(actor, source, GAMES, Sampling(max_new_tokens=4), 0)


def _turns(policy: ActorPolicy, slots: list[int]) -> dict[tuple[int, int], tuple[Decision, Tensor]]:
    """Answer and state before it of each slot at each turn, of these games played side by side."""
    policy.start([OPENINGS[slot] for slot in slots])
    told = {}
    for turn, running in enumerate(RUNNING):
        here = [slot for slot in running if slot in slots]
        if here:
            places = [slots.index(slot) for slot in here]
            decisions = policy.act(places, [SEEN[(slot + turn) % 4] for slot in here], [[]] * len(here))
            for slot, decision, state in zip(here, decisions, policy.latest, strict=True):
                told[slot, turn] = decision, state
    return told


@pytest.mark.parametrize("control", [None, "zero", "permute"])
def test_a_batch_plays_as_its_games_alone(actor, control):
    together = _turns(_policy(actor, control), [0, 1, 2, 3])
    alone = {}
    for slot in range(4):
        alone |= _turns(_policy(actor, control), [slot])
    assert together.keys() == alone.keys()
    assert len(together) == 14
    for key, (decision, state) in together.items():
        assert decision == alone[key][0]
        assert float((state - alone[key][1]).abs().max()) < 1e-9
    assert float((together[2, 4][1] - together[2, 3][1]).abs().max()) > 1e-3
    assert float((together[0, 0][1] - together[2, 0][1]).abs().max()) > 1e-3


def test_sampled_answers_of_a_batch_are_those_of_its_games_alone(actor):
    def drawn(slots: list[int], seed: int = 0) -> dict[tuple[int, int], str]:
        policy = ActorPolicy(actor, SilentSource(), GAMES, Sampling(temperature=3.0, max_new_tokens=4), seed)
        return {key: decision.text for key, (decision, _) in _turns(policy, slots).items()}

    together = drawn([0, 1, 2, 3])
    assert len(set(together.values())) > 4
    assert together == {key: text for slot in range(4) for key, text in drawn([slot]).items()}
    assert together != drawn([0, 1, 2, 3], seed=1)


def test_each_agent_pays_for_what_it_did(actor):
    """Game 1 ends after two turns, game 2 after five; the actor reads its prompt once and one observation a turn but the first."""
    policy = _policy(actor)
    told = _turns(policy, [0, 1, 2, 3])
    talk, sender = actor.conversation, policy.source.sender
    for slot, turns in ((1, 2), (2, 5)):
        thought, acted = policy.accounts(slot)
        prompt = sender.prompt_ids(VIEWS[slot].opening, VIEWS[slot].house)
        assert (thought.agent, thought.prefill_positions, thought.latent_steps) == ("sender", len(prompt), 3)
        own = len(talk.head(OPENINGS[slot].observation)) + len(talk.ask())
        seen = sum(len(talk.observe(SEEN[(slot + turn) % 4])) for turn in range(1, turns))
        assert (acted.agent, acted.prefill_positions, acted.latent_steps) == ("actor", own + seen, 0)
        assert acted.kv_bytes == 1024 * (len(prompt) + 3)  # 2 layers × 2 × 4 heads × 8 × 8 bytes
        assert acted.output_tokens == sum(of.num_tokens for (who, _), (of, _) in told.items() if who == slot) > 0
        assert 0 < thought.seconds == policy.message_seconds(slot)
        assert acted.seconds > 0
    first, last = (policy.accounts(slot)[1].seconds for slot in (1, 2))
    assert first < last


def test_silence_costs_the_actor_alone(actor):
    policy = ActorPolicy(actor, SilentSource(), GAMES, Sampling(max_new_tokens=4), 0)
    policy.start(OPENINGS)
    (account,) = policy.accounts(0)
    assert (account.agent, account.kv_bytes) == ("actor", 0)


def _source(actor: Actor, condition: Condition, stage: str = "plain", seed: int = 5) -> object:
    sender = {"sender": "x", "view": "house", "plans": "sampled"}
    return source_of(condition, Speakers(Path("x"), {"stage": stage, "sender": sender}, actor, seed=seed), GAMES)


def test_conditions_name_steps_and_control(actor):
    for condition, steps, control in (
        (Condition("kv"), 20, None),
        (Condition("kv", 0), 0, None),
        (Condition("kv", 8, "zero"), 8, "zero"),
    ):
        source = _source(actor, condition)
        assert (source.sender.steps, source.sender.view, source.control) == (steps, "house", control)
        assert source.sender.lm is actor.lm


def test_cross_task_takes_the_same_other_game_as_every_other_message(actor):
    kv, text = (_source(actor, Condition(kind, None, "cross-task")) for kind in ("kv", "text"))
    assert isinstance(kv, CrossTaskSource)
    assert isinstance(kv.source, KVSource)
    assert isinstance(text.source, SenderSource)
    assert kv.others == text.others
    views = list(GAMES.values())
    handed = kv.make(views).messages
    own = KVSource(kv.source.sender).make([kv.others[view.opening] for view in views]).messages
    assert [len(message.entries) for message in handed] == [len(message.entries) for message in own]
    assert all(kv.others[view.opening].opening != view.opening for view in views)


def test_an_untrained_sender_is_of_the_actors_shape_and_not_its_weights(actor):
    one, same, other = (_source(actor, Condition("kv", 2, "untrained"), seed=seed) for seed in (5, 5, 6))
    made, again, reseeded, real = (
        each.make(VIEWS[:1]).messages[0] for each in (one, same, other, _source(actor, Condition("kv", 2)))
    )
    assert torch.equal(made.values[0], again.values[0])
    assert not torch.equal(made.values[0], reseeded.values[0])
    assert not torch.equal(made.values[0], real.values[0])
    assert (made.num_bytes, made.next_position) == (real.num_bytes, real.next_position)


def test_a_team_has_no_one_reasoning_agent(actor):
    with pytest.raises(InvalidSetting, match="is a team, whose members were taught to speak in latents"):
        _source(actor, Condition("kv"), "team")
