"""The trained actor as a policy: many episodes at once, batched, with one growing cache; knows nothing of engines or scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interlat.agents.actor import Actor
from interlat.agents.run_folder import load_actor, load_compressor, read_stage
from interlat.agents.sender import left_pad, recorded_sender
from interlat.agents.team_folder import TEAM_STAGE
from interlat.controls import named_control
from interlat.data.games import briefing
from interlat.data.plan_writer import write_plan
from interlat.evaluation.conditions import CROSS_TASK, Condition
from interlat.evaluation.message_source import (
    CompressorSource,
    ControlledSource,
    CrossTaskSource,
    Message,
    MessageSource,
    SenderSource,
    SenderView,
    SilentSource,
    derangement,
)
from interlat.evaluation.policies import Decision, Opening
from interlat.evaluation.team_source import load_team_source
from interlat.messages import LatentMessage, TextMessage
from interlat.models.backbone import embed_tokens
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import encode
from interlat.models.decoding import Sampling, decode
from interlat.splice import Segments, lay_out

MAX_ANSWER_TOKENS = {"action": 24, "react": 100, "solve": 1024}
HOLES_WORTH_SQUEEZING = 0.25  # share of the cache


class ActorPolicy:
    """Answers observations of several episodes at once.

    Args:
        actor: in eval mode.
        source: makes the messages.
        views: what the sender sees of each game, by ``game_id``.
        sampling: how answers are drawn.
        seed: of sampling.
    """

    def __init__(
        self, actor: Actor, source: MessageSource, views: dict[str, SenderView], sampling: Sampling, seed: int
    ) -> None:
        self.actor, self.source, self.views, self.sampling = actor, source, views, sampling
        self.generator = torch.Generator(actor.device).manual_seed(seed)
        self.seconds = 0.0

    @torch.no_grad()
    def start(self, openings: Sequence[Opening]) -> None:
        """Make the messages of a batch of games, and let the actor read task and message."""
        made = self.source.make([self.views[opening.game_id] for opening in openings])
        self.seconds = made.seconds
        embedded = self._embedded(made.messages)
        rows, messages = [], []
        talk = self.actor.conversation
        for opening, message in zip(openings, embedded, strict=True):
            length = None if message is None else len(message)
            ask = talk.ask()
            rows.append(Segments(talk.head(opening.observation), ask, [False] * len(ask), length))
            messages += [] if message is None else [message]
        pad = int(self.actor.tokenizer.pad_token_id)
        layout = lay_out(rows, self.actor.boundary, pad, padding="left").to(self.actor.device)
        self.state = KVState.empty(len(rows), self.actor.device)
        read = extend(self.actor.lm, self.state, self.actor.spliced(layout, messages), layout.mask)
        self.latest = last_states(read, layout.mask)
        self.slots = list(range(len(rows)))
        self.begun = False

    @torch.no_grad()
    def act(
        self, slots: Sequence[int], observations: Sequence[str], admissible: Sequence[Sequence[str]]
    ) -> list[Decision]:
        """One answer for each episode still running."""
        if list(slots) != self.slots:
            kept = [self.slots.index(slot) for slot in slots]
            self.state.select(kept)
            self.latest, self.slots = self.latest[kept], list(slots)
        if self.begun:
            self._read(observations)
        self.begun = True
        talk = self.actor.conversation
        answers = decode(self.actor.lm, self.state, self.latest, talk.end_id, self.sampling, self.generator)
        texts = [str(self.actor.tokenizer.decode(answer.ids, skip_special_tokens=True)) for answer in answers]
        return [
            Decision(text=text, action=talk.action_of(text), num_tokens=len(answer.ids))
            for text, answer in zip(texts, answers, strict=True)
        ]

    def message_seconds(self, slot: int) -> float:
        """Seconds it took to make this episode's message."""
        return self.seconds

    def _read(self, observations: Sequence[str]) -> None:
        if 1 - float(self.state.mask.float().mean()) > HOLES_WORTH_SQUEEZING:
            self.state.compact()
        asked = [self.actor.conversation.observe(observation) for observation in observations]
        ids, mask = left_pad(asked, int(self.actor.tokenizer.pad_token_id), self.actor.device)
        read = extend(self.actor.lm, self.state, embed_tokens(self.actor.lm, ids), mask)
        self.latest = last_states(read, mask)

    def _embedded(self, messages: Sequence[Message]) -> list[Tensor | None]:
        """Each message in the actor's embedding space; None for silence."""
        latent = [message.latents for message in messages if isinstance(message, LatentMessage)]
        adapted = iter(self.actor.adapt(latent))
        embedded: list[Tensor | None] = []
        for message in messages:
            if isinstance(message, LatentMessage):
                embedded.append(next(adapted))
            elif isinstance(message, TextMessage):
                ids = encode(self.actor.tokenizer, message.text)
                embedded.append(self.actor.embed(torch.tensor(ids, dtype=torch.long)) if ids else None)
            else:
                embedded.append(None)
        return embedded


def load_actor_policy(  # noqa: PLR0913 - one argument a flag of the command line
    checkpoint: Path,
    games: Sequence[Any],
    message: str,
    control: str | None,
    length: int | float | None,
    seed: int,
    *,
    temperature: float = 0.0,
    dtype: str | None = None,
    answer_tokens: int | None = None,
) -> ActorPolicy:
    """Load a run folder as a policy for these games.

    Args:
        checkpoint: run folder of either stage, or of a team.
        games: the games to be played.
        message: what is sent.
        control: ``cross-task``, or a control by name.
        length: K latents: from the compressor where the run has one of this length, else by truncation; a float below 1
            keeps that share; None sends all.
        seed: of plans, control and answers.
        temperature: of the actor's answers; 0 is greedy.
        dtype: of actor and compressor; None takes the one they were trained in. The sender keeps the one of its latents.
        answer_tokens: most tokens of an answer; None takes what a problem allows, or what the form of a game's answers needs.

    Raises:
        CheckpointMismatch: if the folder holds no finished run.
        InvalidSetting: if message, control and length do not go together.
    """
    condition = Condition(message, length, control)
    stage = read_stage(checkpoint)
    actor = load_actor(checkpoint, dtype)
    if torch.cuda.is_available():
        actor.to("cuda")
    views, written = _views(games, stage["sender"])
    source = _source(checkpoint, stage, condition, written, seed, dtype)
    if control == CROSS_TASK:
        ordered = list(views.values())
        partners = derangement([view.opening for view in ordered], seed)
        source = CrossTaskSource(source, {opening: ordered[number] for opening, number in partners.items()})
    elif control is not None:
        source = ControlledSource(source, named_control(control), seed)
    allowed = [game.answer_tokens for game in games if hasattr(game, "answer_tokens")]
    most = answer_tokens or max(allowed, default=MAX_ANSWER_TOKENS[actor.conversation.form])
    sampling = Sampling(temperature=temperature, max_new_tokens=most)
    return ActorPolicy(actor, source, views, sampling, seed)


def _views(games: Sequence[Any], sender: dict[str, Any]) -> tuple[dict[str, SenderView], dict[str, str]]:
    """What the sender sees of each game, and the plan written for it where plans are written."""
    views, written = {}, {}
    for game in games:
        known = briefing(game)
        views[game.game_id] = SenderView(known.opening, known.house if sender["view"] == "house" else None)
        if sender["plans"] == "written":
            written[known.opening] = write_plan(known.walkthrough, sender["view"], game.game_id)
    return views, written


def _source(
    checkpoint: Path,
    stage: dict[str, Any],
    condition: Condition,
    written: dict[str, str],
    seed: int,
    dtype: str | None,
) -> MessageSource:
    if condition.message == "none":
        return SilentSource()
    if stage["stage"] == TEAM_STAGE:
        return load_team_source(checkpoint, stage, condition, seed, dtype)
    if stage["stage"] == "compression" and condition.length == stage["compressor"]["num_latents"]:
        compressor = load_compressor(checkpoint, dtype)
        return CompressorSource(compressor.to("cuda") if torch.cuda.is_available() else compressor)
    sender = recorded_sender(stage["sender"])
    if torch.cuda.is_available():
        sender.lm.to("cuda")
    return SenderSource(
        sender, "text" if condition.message == "text" else "latent", condition.length, written or None, seed
    )
