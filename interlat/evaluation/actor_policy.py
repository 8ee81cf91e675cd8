"""An actor as a policy: many episodes at once, batched, with one growing cache; knows nothing of engines or scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from interlat.agents.account import AgentAccount
from interlat.agents.actor import Actor
from interlat.agents.actor_opening import read_opening
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.conversation import ActionForm
from interlat.agents.plain_model import is_plain_model, load_plain_actor, plain_stage
from interlat.agents.run_folder import load_actor, read_stage
from interlat.agents.sender import View, left_pad
from interlat.data.games import briefing
from interlat.data.plan_writer import write_plan
from interlat.data.reasoning.problem import Problem
from interlat.errors import InvalidSetting
from interlat.evaluation.condition_source import Speakers, source_of
from interlat.evaluation.conditions import Condition
from interlat.evaluation.message_source import MessageSource, SenderView
from interlat.evaluation.policies import Decision, Opening
from interlat.messages import KVMessage
from interlat.models.backbone import embed_tokens
from interlat.models.cache import extend, last_states
from interlat.models.decoding import Sampling, decode, keyed_generators

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
        self.seed = seed

    @torch.no_grad()
    def start(self, openings: Sequence[Opening]) -> None:
        """Make the messages of a batch of games, and let the actor read task and message."""
        self.made = self.source.make([self.views[opening.game_id] for opening in openings])
        self.slots = list(range(len(openings)))
        # An episode's answers depend neither on its batch nor on when others end.
        self.draws = keyed_generators([f"answer {self.seed} {opening.game_id}" for opening in openings])
        self.spent = [Ledger("actor", 1, self.actor.device) for _ in openings]
        clock = self._clock()
        with clock.timed():
            observations = [opening.observation for opening in openings]
            self.state, self.latest, counts = read_opening(self.actor, observations, self.made.messages)
        self._share(clock, prefill=counts)
        for ledger, message in zip(self.spent, self.made.messages, strict=True):
            ledger.kv_bytes = [message.num_bytes if isinstance(message, KVMessage) else 0]
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
        talk, clock = self.actor.conversation, self._clock()
        with clock.timed():
            counts = self._read(observations) if self.begun else [0] * len(slots)
            self.begun = True
            draws = [self.draws[slot] for slot in self.slots]
            answers = decode(self.actor.lm, self.state, self.latest, talk.end_id, self.sampling, draws)
        self._share(clock, prefill=counts, output=[len(answer.ids) for answer in answers])
        texts = [str(self.actor.tokenizer.decode(answer.ids, skip_special_tokens=True)) for answer in answers]
        return [
            Decision(text=text, action=talk.action_of(text), num_tokens=len(answer.ids))
            for text, answer in zip(texts, answers, strict=True)
        ]

    def message_seconds(self, slot: int) -> float:
        """Seconds it took to make this episode's message."""
        return self.made.seconds

    def accounts(self, slot: int) -> tuple[AgentAccount, ...]:
        """What sender and actor have spent on this episode so far; the actor alone where the sender kept no count.

        Bytes of keys and values are the actor's, who takes them over.
        """
        return (*self.made.accounts[slot : slot + 1], *self.spent[slot].accounts())

    def _read(self, observations: Sequence[str]) -> list[int]:
        """Read the next observations; how many tokens each has."""
        if 1 - float(self.state.mask.float().mean()) > HOLES_WORTH_SQUEEZING:
            self.state.compact()
        asked = [self.actor.conversation.observe(observation) for observation in observations]
        ids, mask = left_pad(asked, int(self.actor.tokenizer.pad_token_id), self.actor.device)
        read = extend(self.actor.lm, self.state, embed_tokens(self.actor.lm, ids), mask)
        self.latest = last_states(read, mask)
        return [len(each) for each in asked]

    def _clock(self) -> Ledger:
        return Ledger("actor", len(self.slots), self.actor.device)

    def _share(self, clock: Ledger, prefill: Sequence[int], output: Sequence[int] | None = None) -> None:
        """Put what a call cost into the accounts of those still running, its time shared equally."""
        for place, slot in enumerate(self.slots):
            ledger = self.spent[slot]
            ledger.seconds += clock.seconds / len(self.slots)
            ledger.prefill_positions[0] += prefill[place]
            ledger.output_tokens[0] += 0 if output is None else output[place]


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
    view: View | None = None,
    form: ActionForm | None = None,
) -> ActorPolicy:
    """Load a run folder, or a plain model, as a policy for these games.

    Args:
        checkpoint: run folder of either stage or of a team; or a model that nobody trained here, as a folder or the name of a
            packaged one, which then reasons and acts.
        games: the games to be played.
        message: what is sent. Keys and values are made by the actor's own weights, whatever sender the run was trained on.
        control: ``cross-task``, or a control by name.
        length: K latents: from the compressor where the run has one of this length, else by truncation; a float below 1
            keeps that share; None sends all. Of keys and values, latent steps; None takes 20.
        seed: of plans, control and answers.
        temperature: of the actor's answers; 0 is greedy.
        dtype: of actor and compressor; None takes the one they were trained in. The sender keeps the one of its latents.
        answer_tokens: most tokens of an answer; None takes what a problem allows, or what the form of a game's answers needs.
        view: what a plain model sees as sender; None takes ``house`` (``problem`` for problems), so that it knows something that it
            does not as actor. A run's sender sees what it saw in training.
        form: of a plain model's answers; None takes ``action`` (``solve`` for problems). The prompt of ``react`` names the actions,
            which a model that nobody taught needs. A run answers as it was taught.

    Raises:
        CheckpointMismatch: if the folder holds no finished run and no model.
        InvalidSetting: if checkpoint, message, control, length, view and form do not go together.
    """
    condition = Condition(message, length, control)
    if is_plain_model(checkpoint):
        stage, actor = _plain(checkpoint, games, condition, (view, form), dtype)
    elif view is None and form is None:
        stage, actor = read_stage(checkpoint), load_actor(checkpoint, dtype)
    else:
        raise InvalidSetting(
            f"'{checkpoint}' is a trained run, which sees and answers as in training; leave view and form out, got {view} and {form}"
        )
    if torch.cuda.is_available():
        actor.to("cuda")
    views, written = _views(games, stage["sender"])
    source = source_of(condition, Speakers(checkpoint, stage, actor, written, dtype, seed), views)
    allowed = [game.answer_tokens for game in games if hasattr(game, "answer_tokens")]
    most = answer_tokens or max(allowed, default=MAX_ANSWER_TOKENS[actor.conversation.form])
    sampling = Sampling(temperature=temperature, max_new_tokens=most)
    return ActorPolicy(actor, source, views, sampling, seed)


def _plain(
    checkpoint: Path,
    games: Sequence[Any],
    condition: Condition,
    asked: tuple[View | None, ActionForm | None],
    dtype: str | None,
) -> tuple[dict[str, Any], Actor]:
    if condition.message == "latent":
        raise InvalidSetting(
            f"'{checkpoint}' is a model without an adapter, which reads no latents; take --message kv, text or none, or train a "
            "run with 'lightning fit -c recipes/stage1.yaml' and name its folder"
        )
    problems, (view, form) = any(isinstance(game, Problem) for game in games), asked
    actor = load_plain_actor(checkpoint, form or ("solve" if problems else "action"), dtype)
    return plain_stage(checkpoint, view or ("problem" if problems else "house")), actor


def _views(games: Sequence[Any], sender: dict[str, Any]) -> tuple[dict[str, SenderView], dict[str, str]]:
    """What the sender sees of each game, and the plan written for it where plans are written."""
    views, written = {}, {}
    for game in games:
        known = briefing(game)
        views[game.game_id] = SenderView(
            known.opening, known.house if sender["view"] == "house" else None, game.game_id
        )
        if sender["plans"] == "written":
            written[known.opening] = write_plan(known.walkthrough, sender["view"], game.game_id)
    return views, written
