"""Several agents and one answer: by words, by keys and values with latent thoughts, by both, or by one agent alone.

Source: LatentMAS (arXiv 2511.20639). Every agent but the last reads its prompt behind what it took over, thinks m latent steps
and hands on the cache; the last writes. No prompt is read twice by one model. Batches are exact: padding on the left, positions
and masks explicit. Knows no benchmark, no environment and no Lightning.

    chain    planner → critic → refiner → judger          tree    mathematician ─┐
                                                                  scientist ─────┼→ summariser
                                                                  programmer ────┘
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.account import AgentAccount
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.collaboration_models import load_models, names_of
from interlat.agents.collaboration_prompts import Question, agent_text
from interlat.agents.collaboration_settings import CollaborationSettings, Collaborator
from interlat.agents.handover import Handover, Source, read_again, words_heard
from interlat.agents.latent_thoughts import Aligner, aligner, aligner_between, think
from interlat.agents.sender import left_pad
from interlat.errors import InvalidSetting
from interlat.messages import KVMessage, Span
from interlat.models.backbone import embed_tokens
from interlat.models.cache import KVState, extend, last_states
from interlat.models.certainty import Certainty
from interlat.models.chat import ChatFormat, encode
from interlat.models.decoding import Decoded, decode, keyed_generators
from interlat.models.kv import kept, merged, messages_of, permuted, state_of, swapped, untrained_twin, zeroed
from interlat.models.vocabulary import fingerprint

LM: TypeAlias = PreTrainedModel | PeftModel


@dataclass(frozen=True)
class Answered:
    """An answer and what it cost.

    Args:
        text: what the last agent wrote.
        stopped: whether it ended by itself, before its budget.
        texts: what the others wrote, by name; empty where no words travel.
        accounts: one an agent, in order.
        certainty: how sure the last agent was of each token of its answer; empty if not asked for.
    """

    text: str
    stopped: bool
    texts: Mapping[str, str]
    accounts: tuple[AgentAccount, ...]
    certainty: Certainty = field(default_factory=Certainty)


class Collaboration:
    """Agents at work on questions, a batch at a time.

    Args:
        settings: who they are, and what travels.
        models: language model and tokenizer by the names that the settings give.
        seed: of what control and selection draw, and of untrained weights.

    Raises:
        InvalidSetting: if a model is missing, or tokenizers differ.
    """

    def __init__(
        self, settings: CollaborationSettings, models: Mapping[str, tuple[LM, PreTrainedTokenizerBase]], seed: int = 0
    ) -> None:
        self.settings, self.seed = settings, seed
        names = {settings.model_of(agent) for agent in settings.agents}
        missing = sorted(names - set(models))
        if missing:
            raise InvalidSetting(
                f"wanted the models {', '.join(sorted(names))}, got none for {', '.join(missing)}; load them"
            )
        prints = {name: fingerprint(models[name][1]) for name in sorted(names)}
        if len(set(prints.values())) > 1:
            raise InvalidSetting(
                f"agents hand tokens and latents to each other, so their tokenizers must be the same, got {prints}; "
                "take models of one family"
            )
        self.models = {name: models[name][0].eval() for name in sorted(names)}
        self.tokenizer = models[settings.model_of(settings.agents[-1])][1]
        self.chat = ChatFormat.of(self.tokenizer, settings.system)
        self.end_id = encode(self.tokenizer, self.chat.assistant_end)[0]
        self._twins = {
            name: untrained_twin(model, seed) for name, model in self.models.items() if settings.control == "untrained"
        }
        self._aligners: dict[tuple[str, str, bool], Aligner] = {}
        for place, agent in enumerate(settings.agents):  # before any clock runs
            for sender in settings.agents[: place + 1]:
                if settings.steps_of(sender) and (
                    sender is agent or settings.model_of(sender) != settings.model_of(agent)
                ):
                    self._aligner(sender.name, agent)

    @classmethod
    def build(cls, settings: CollaborationSettings, seed: int = 0) -> "Collaboration":
        """Load the models that the settings name, each once; on an accelerator where there is one."""
        return cls(settings, load_models(names_of(settings), settings.dtype), seed)

    @torch.no_grad()
    def answer(self, questions: Sequence[Question], seed: int = 0, measure: bool = False) -> list[Answered]:
        """Let the agents work on a batch of questions.

        Args:
            questions: at least one.
            seed: of what agents write. What is drawn depends on seed, agent and question alone, neither on the batch nor on the
                method.
            measure: keep how sure the last agent was of each token of its answer; its words are the same.
        """
        heard, ledgers = self.hand_over(questions, seed)
        last = self.settings.agents[-1]
        ledgers.append(Ledger(last.name, len(questions), self._model(last).device))
        texts = words_heard(heard, len(questions))
        with ledgers[-1].timed():
            state, latest, _ = self.read(last, questions, heard, ledgers[-1])
            heard.clear()  # the cache holds it now
            draws = self._draws(last, questions, seed)
            rows = self._written(last, state, latest, ledgers[-1], draws, measure)
        accounts = list(zip(*(ledger.accounts() for ledger in ledgers), strict=True))
        return [
            Answered(self._text(row), row.stopped, said, spent, row.certainty)
            for row, said, spent in zip(rows, texts, accounts, strict=True)
        ]

    def hand_over(self, questions: Sequence[Question], seed: int = 0) -> tuple[list[Handover], list[Ledger]]:
        """Let all agents but the last work.

        Returns:
            What the last agent hears, and what each of the others spent.
        """
        left: dict[str, Handover] = {}
        ledgers = []
        *before, last = self.settings.agents
        for place, agent in enumerate(before, start=1):
            ledgers.append(Ledger(agent.name, len(questions), self._model(agent).device))
            heard = [left[other.name] for other in self.settings.heard_by(agent)]
            with ledgers[-1].timed():
                left[agent.name] = self.work(agent, questions, heard, ledgers[-1], seed)
            # What nobody hears any more would only hold memory.
            wanted = {other.name for later in self.settings.agents[place:] for other in self.settings.heard_by(later)}
            left = {name: handover for name, handover in left.items() if name in wanted}
        return [left[other.name] for other in self.settings.heard_by(last)], ledgers

    def work(
        self,
        agent: Collaborator,
        questions: Sequence[Question],
        heard: Sequence[Handover],
        ledger: Ledger,
        seed: int = 0,
    ) -> Handover:
        """An agent before the last: reads, thinks and, where words travel, writes.

        Gradient:
            Flows through all latent steps and all keys and values of ``heard``; what is written carries none.
        """
        state, latest, sources = self.read(agent, questions, heard, ledger)
        settings, texts = self.settings, words_heard(heard, len(questions))
        # Taken before anything is written: words travel as words.
        messages = messages_of(state, {"agent": agent.name}) if settings.sends_kv else []
        if settings.sends_text:
            draws = self._draws(agent, questions, seed)
            rows = self._written(agent, state, latest, ledger, draws)
            texts = [{**said, agent.name: self._text(row)} for said, row in zip(texts, rows, strict=True)]
        return Handover(agent.name, settings.model_of(agent), tuple(messages), tuple(texts), sources)

    def read(
        self, agent: Collaborator, questions: Sequence[Question], heard: Sequence[Handover], ledger: Ledger
    ) -> tuple[KVState, Tensor, dict[Span, Sequence[Source]]]:
        """Take over what is heard, read the prompt behind it, and think.

        Returns:
            The cache; the state behind its last entry, [batch, dim]; and what all entries were made from.

        Gradient:
            Flows through all latent steps and all keys and values of ``heard``.
        """
        lm, texts = self._model(agent), words_heard(heard, len(questions))
        state = self._taken_over(agent, heard, len(questions), ledger)
        prompts = [self.prompt_ids(agent, each, said) for each, said in zip(questions, texts, strict=True)]
        self._check_room(agent, state, max(map(len, prompts)))
        ids, mask = left_pad(prompts, int(self.tokenizer.pad_token_id), lm.device)
        latest = last_states(extend(lm, state, embed_tokens(lm, ids), mask, Span(agent.name, "prompt")), mask)
        steps, span = self.settings.steps_of(agent), Span(agent.name, "latent")
        align = self._aligner(agent.name, agent) if steps else Aligner()
        thoughts = think(lm, state, latest, align, steps, span)
        for row, prompt in enumerate(prompts):
            ledger.prefill_positions[row] += len(prompt)
        ledger.latent_steps += steps
        sources: dict[Span, Sequence[Source]] = {key: value for each in heard for key, value in each.sources.items()}
        sources |= {Span(agent.name, "prompt"): prompts, span: list(thoughts.states)}
        return state, thoughts.latest, sources

    def prompt_ids(self, agent: Collaborator, question: Question, heard: Mapping[str, str]) -> list[int]:
        """Token ids of an agent's prompt, up to where its own turn begins."""
        text = self.chat.opening + agent_text(agent, question, heard) + self.chat.user_end + self.settings.opener
        return encode(self.tokenizer, text)

    def _taken_over(self, agent: Collaborator, heard: Sequence[Handover], rows: int, ledger: Ledger) -> KVState:
        lm, settings = self._model(agent), self.settings
        if not settings.sends_kv or not heard:
            return KVState.empty(rows, lm.device)
        by_sender = [self._kept(agent, handover, ledger) for handover in heard]
        messages = [
            merged(lm, row, settings.layout) if len(row) > 1 else row[0] for row in zip(*by_sender, strict=True)
        ]
        if agent is settings.agents[-1]:
            messages = self._controlled(lm, messages)
        return state_of(messages)

    def _kept(self, agent: Collaborator, handover: Handover, ledger: Ledger) -> list[KVMessage]:
        lm, messages = self._model(agent), list(handover.messages)
        moved = handover.model == self.settings.model_of(agent)
        if not moved:
            messages = read_again(lm, handover, lambda name, states: self._aligner(name, agent)(states))
        messages = [kept(lm, each, self.settings.keep, handover.speaker, self._generator()) for each in messages]
        for row, message in enumerate(messages):
            ledger.kv_bytes[row] += message.num_bytes if moved else 0
            ledger.prefill_positions[row] += 0 if moved else int(handover.messages[row].mask.sum())
        return messages

    def _controlled(self, lm: LM, messages: list[KVMessage]) -> list[KVMessage]:
        match self.settings.control:
            case "zero":
                return [zeroed(message) for message in messages]
            case "swap":
                return swapped(messages)
            case "permute":
                return [permuted(lm, message, self._generator()) for message in messages]
            case _:
                return messages

    def _generator(self) -> torch.Generator:
        """A new one for each message, so that what is drawn for a question does not depend on its batch."""
        return torch.Generator().manual_seed(self.seed)

    def _draws(self, agent: Collaborator, questions: Sequence[Question], seed: int) -> list[torch.Generator]:
        """What each row draws from: by question, so that batches do not matter; by place from the last, so that methods do not."""
        place = len(self.settings.agents) - self.settings.agents.index(agent)
        return keyed_generators(
            [json.dumps([seed, place, each.text, sorted(each.shown.items())]) for each in questions]
        )

    def _written(
        self,
        agent: Collaborator,
        state: KVState,
        latest: Tensor,
        ledger: Ledger,
        draws: list[torch.Generator],
        measure: bool = False,
    ) -> list[Decoded]:
        lm, settings = self._model(agent), self.settings
        sampling = settings.sampling if agent is settings.agents[-1] else settings.text_sampling
        rows = decode(lm, state, latest, self.end_id, sampling, draws, reads_on=False, measure=measure)
        ledger.output_tokens = [len(row.ids) for row in rows]
        return rows

    def _text(self, row: Decoded) -> str:
        return str(self.tokenizer.decode(row.ids, skip_special_tokens=True))

    def _model(self, agent: Collaborator) -> LM:
        name = self.settings.model_of(agent)
        return self._twins[name] if self._is_untrained(agent) else self.models[name]

    def _is_untrained(self, agent: Collaborator) -> bool:
        return self.settings.control == "untrained" and agent is not self.settings.agents[-1]

    def _aligner(self, sender: str, receiver: Collaborator) -> Aligner:
        """From the states of an agent, given by name, to the embeddings of another's model."""
        (agent,) = (each for each in self.settings.agents if each.name == sender)
        names = self.settings.model_of(agent), self.settings.model_of(receiver)
        key = (*names, self._is_untrained(receiver))
        if key not in self._aligners:
            alone = names[0] == names[1]
            self._aligners[key] = (
                aligner(self._model(receiver), self.settings.alignment, self.settings.ridge_lambda)
                if alone
                else aligner_between(self._model(agent), self._model(receiver), self.settings.ridge_lambda)
            )
        return self._aligners[key]

    def _check_room(self, agent: Collaborator, state: KVState, prompt: int) -> None:
        needed = int(state.next_position.max()) + prompt + self.settings.steps_of(agent)
        room = getattr(self._model(agent).config, "max_position_embeddings", None)
        if room is not None and needed > room:
            raise InvalidSetting(
                f"agent '{agent.name}' would read up to position {needed}, but its model knows {room}; send less "
                "(keep, with positions: contiguous), take fewer steps or agents, or a model of longer contexts"
            )
