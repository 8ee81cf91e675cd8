"""Where messages come from: whose they are, what of them is kept, and that controls draw anew for each."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer
from hypothesis import given
from hypothesis import strategies as st

from interlat.agents.sender import ReasoningAgent
from interlat.controls import white_noise, zero
from interlat.errors import InvalidSetting
from interlat.evaluation.message_source import (
    ControlledSource,
    CrossTaskSource,
    MessageSource,
    SenderSource,
    SenderView,
    SilentSource,
    Timed,
    derangement,
)
from interlat.messages import LatentMessage, Silence, TextMessage
from interlat.models.decoding import Sampling

VIEWS = [SenderView(f"Room {number}.", None) for number in range(4)]


class Numbers:
    """Says the number of each room, three times."""

    def make(self, views: Sequence[SenderView]) -> Timed:
        return Timed([LatentMessage(torch.full((3, 2), float(view.opening[5]))) for view in views], 0.25)


def sender() -> ReasoningAgent:
    return ReasoningAgent(foreign_lm(foreign_tokenizer()), foreign_tokenizer(), Sampling(max_new_tokens=5))


@given(more=st.lists(st.sampled_from("abcd"), max_size=6), seed=st.integers(0, 1000))
def test_every_game_gets_the_message_of_another(more: list[str], seed: int):
    """Never of itself, nor of a game with the same opening."""
    openings = ["a", "b", *more]
    partners = derangement(openings, seed)
    assert set(partners) == set(openings)
    assert all(openings[partner] != opening for opening, partner in partners.items())
    assert derangement(openings, seed) == partners


def test_cross_task_is_refused_where_there_is_no_other_game():
    with pytest.raises(InvalidSetting, match=r"cross-task needs at least two different games, got 2; raise --games"):
        derangement(["a", "a"], 0)


def test_every_other_game_is_drawn_about_equally_often():
    """Opening a has three others: of 900 seeds 300 ± 14 (one standard deviation) each; 70 is five of them."""
    drawn = [derangement(["a", "b", "c", "d"], seed)["a"] for seed in range(900)]
    assert set(drawn) == {1, 2, 3}
    assert all(abs(drawn.count(number) - 300) < 70 for number in (1, 2, 3))


def test_cross_task_hands_over_the_other_games_messages():
    others = {view.opening: VIEWS[(number + 1) % 4] for number, view in enumerate(VIEWS)}
    made = CrossTaskSource(Numbers(), others).make(VIEWS)
    assert [float(message.latents[0, 0]) for message in made.messages] == [1.0, 2.0, 3.0, 0.0]
    assert made.seconds == 0.25


def test_a_control_draws_anew_for_every_message():
    """Four games with the same message: four different draws, which repeat with the seed."""
    same = [replace(VIEWS[1], game_id=name) for name in "abcd"]
    runs = [
        torch.stack([of.latents for of in ControlledSource(Numbers(), white_noise, seed).make(same).messages])
        for seed in (0, 0, 1)
    ]
    assert len({tuple(latents.flatten().tolist()) for latents in runs[0]}) == 4
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("kind", ["latent", "text", "control"])
def test_what_is_drawn_for_a_game_depends_on_no_other(kind: str):
    """All at once, one by one from one source, and the last two alone, as after a kill: the same sampled plans and controls."""

    def source() -> MessageSource:
        if kind == "control":
            return ControlledSource(Numbers(), white_noise, 3)
        drawing = ReasoningAgent(foreign_lm(foreign_tokenizer()), foreign_tokenizer(), Sampling(3.0, max_new_tokens=5))
        return SenderSource(drawing, kind, seed=3)

    def sent(source: MessageSource, views: Sequence[SenderView]) -> list[str | list[float]]:
        made = source.make(views).messages
        return [of.text if isinstance(of, TextMessage) else of.latents.flatten().tolist() for of in made]

    together, one_by_one = sent(source(), VIEWS), source()
    assert len(set(map(str, together))) == 4
    alone = [each for view in VIEWS for each in sent(one_by_one, [view])]
    resumed = sent(source(), VIEWS[2:])
    for whole, parts in ((together, alone), (together[2:], resumed)):
        assert whole == (parts if kind == "text" else [pytest.approx(part, rel=1e-4, abs=1e-5) for part in parts])


def test_a_control_changes_what_is_sent_and_not_how_long_it_took():
    made = ControlledSource(Numbers(), lambda latents, _: zero(latents), 0).make(VIEWS)
    assert made.seconds == 0.25
    assert all(message.latents.shape == (3, 2) and not message.latents.any() for message in made.messages)


def test_a_control_of_words_is_refused():
    with pytest.raises(InvalidSetting, match=r"changes latents, but the message is Silence; use --message latent"):
        ControlledSource(SilentSource(), white_noise, 0).make(VIEWS)


def test_a_sender_sends_its_plan_as_latents_or_as_text():
    """The same plan both ways; of its latents the first are kept; a plan given in words is read, not written."""
    agent = sender()
    plans = agent.write([agent.prompt_ids(view.opening, None) for view in VIEWS])
    latents, text, short = (
        SenderSource(agent, kind, keep).make(VIEWS).messages
        for kind, keep in (("latent", None), ("text", None), ("latent", 2))
    )
    for plan, whole, words, first in zip(plans, latents, text, short, strict=True):
        assert torch.equal(whole.latents, plan.latents)
        assert words == TextMessage(plan.text)
        assert torch.equal(first.latents, plan.latents[:2])
    given_words = {view.opening: "go to drawer 2" for view in VIEWS}
    read = SenderSource(agent, "latent", written=given_words).make(VIEWS).messages
    assert {len(message.latents) for message in read} == {len(agent.encode("go to drawer 2"))}


def test_a_sender_that_ends_at_once_is_silent():
    agent = sender()
    agent.end_id = agent.write([agent.prompt_ids(VIEWS[0].opening, None)])[0].ids[0]
    assert isinstance(SenderSource(agent, "latent").make(VIEWS[:1]).messages[0], Silence)
