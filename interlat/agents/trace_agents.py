"""Agents that read, think and are taught: one trace, a target, and the logits of its tokens. Knows no Lightning and no benchmark.

Prompts, positions and topologies are those of ``interlat.agents.collaboration``, which plays what is learnt here; what differs is that
gradients flow, and that the last agent is given its answer instead of writing it.

    planner    prompt | z z z                          keys and values go on, and never change
    critic                     prompt | z z z
    solver                                  prompt | target      cross-entropy of the target only

Where words travel the trace is empty, and the last agent's prompt holds what the others wrote.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeAlias, cast

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration_prompts import Question, agent_text
from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.latent_thoughts import Aligner, aligner, think
from interlat.agents.sender import left_pad
from interlat.agents.trace_communication import learnt_aligners
from interlat.agents.trace_gradients import TraceGradients
from interlat.agents.trace_settings import TraceSettings
from interlat.agents.trace_words import WrittenWords
from interlat.errors import InvalidSetting
from interlat.messages import KVMessage, Span
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import ChatFormat, encode
from interlat.models.kv import Keep, kept, merged, messages_of, state_of
from interlat.models.recomputation import Reading, Recomputation, Trace, grown
from interlat.models.trace_adapters import speak_as

LM: TypeAlias = PreTrainedModel | PeftModel
Padded: TypeAlias = tuple[Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]]


class TraceBatch(NamedTuple):
    """Questions as their agents read them, and what the last one is to say.

    Args:
        prompts: ids and mask of each agent's prompts, padded on the left; of the last agent's alone where words travel.
        targets: ids and mask of the targets, each with the token that ends a turn, padded on the right.
        names: of the questions.
        told: ids and mask of the last agent's prompts where it hears words instead of a trace; None if nobody asked for them.
    """

    prompts: tuple[Padded, ...]
    targets: Padded
    names: tuple[str, ...]
    told: Padded | None = None


class TraceAgents:
    """The agents of a trace, on one model.

    Args:
        settings: who they are, and where gradients flow.
        lm: the model, with the settings' adapters on it.
        tokenizer: its tokenizer.
        recomputation: what the backward pass computes again instead of keeping it.
        communication: the settings' communication adapters, where there are any.
    """

    def __init__(
        self,
        settings: TraceSettings,
        lm: LM,
        tokenizer: PreTrainedTokenizerBase,
        recomputation: Recomputation = "reading",
        communication: nn.ModuleDict | None = None,
    ) -> None:
        self.settings, self.lm, self.tokenizer, self.recomputation = settings, lm, tokenizer, recomputation
        self.team = settings.collaboration()
        self.chat = ChatFormat.of(tokenizer, settings.system)
        self._align: Aligner | None = None
        self._communication = nn.ModuleDict() if communication is None else communication
        self._learnt = learnt_aligners(settings, self._communication)
        self._words = WrittenWords(settings, lm, tokenizer)

    def batch(
        self,
        questions: Sequence[Question],
        targets: Sequence[str],
        names: Sequence[str] = (),
        plans: Sequence[Sequence[str]] | None = None,
    ) -> TraceBatch:
        """Lay out questions and targets; where words travel, they are written first.

        Args:
            questions: what is asked.
            targets: what the last agent is to say.
            names: of the questions.
            plans: asks for the last agent's prompts with words, too: a plan's sentences, one for each agent before the last, or what these
                write where a plan has not as many.

        Raises:
            InvalidSetting: if there is no room for them in the model.
        """
        pad, cpu = int(self.tokenizer.pad_token_id), torch.device("cpu")
        read: Sequence[Collaborator] = self.team.agents
        heard: Sequence[Mapping[str, str]] = [{}] * len(questions)
        if self.team.sends_text:
            read, heard = self.team.agents[-1:], self._words.of(questions)
        prompts = [
            [self.prompt_ids(agent, each, said) for each, said in zip(questions, heard, strict=True)] for agent in read
        ]
        ends = encode(self.tokenizer, self.chat.assistant_end)
        answers = [[*encode(self.tokenizer, target), *ends] for target in targets]
        self._check_room(prompts, answers)
        told: Padded | None = None
        if plans is not None:
            said = self._words.told(questions, plans)
            rows = [
                self.prompt_ids(self.team.agents[-1], each, words) for each, words in zip(questions, said, strict=True)
            ]
            self._check_room([rows], answers)
            told = left_pad(rows, pad, cpu)
        width = max(map(len, answers))
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in answers])
        mask = torch.tensor([[True] * len(row) + [False] * (width - len(row)) for row in answers])
        return TraceBatch(tuple(left_pad(rows, pad, cpu) for rows in prompts), (ids, mask), tuple(names), told)

    def prompt_ids(self, agent: Collaborator, question: Question, heard: Mapping[str, str]) -> list[int]:
        """Token ids of an agent's prompt, up to where its own turn begins."""
        text = self.chat.opening + agent_text(agent, question, heard) + self.chat.user_end + self.team.opener
        return encode(self.tokenizer, text)

    def heard(
        self, batch: TraceBatch, watch: TraceGradients | None = None, steps: Mapping[str, int] | None = None
    ) -> Trace:
        """What the last agent takes over: the trace of all before it, or what the settings keep of it; empty where words travel.

        Args:
            batch: on the model's device.
            watch: measures the gradient of each agent's entries.
            steps: latent steps by agent, for those who take another number than the settings say.

        Gradient:
            As the settings say. A trace that carries none is built without dropout: it is what will be heard, not what learns.
        """
        if self.team.sends_text:
            return Trace.empty(len(batch.targets[0]), batch.targets[0].device)
        left: dict[str, Trace] = {}
        for place, agent in enumerate(self.team.agents[:-1]):
            before = self._taken_over(agent, left, batch)
            with self._gradient(self.settings.learns_upstream(place)):
                trace, _ = grown(before, self._readings(agent, batch.prompts[place], steps), self.recomputation)
            left[agent.name] = trace if watch is None else watch.watched(agent.name, trace, len(before.pieces))
        return self._taken_over(self.team.agents[-1], left, batch)

    def predictions(
        self, batch: TraceBatch, heard: Trace
    ) -> tuple[Float[Tensor, "positions vocab"], Int[Tensor, " positions"]]:
        """Logits of the last agent for the tokens of the targets, and these tokens, row by row.

        Args:
            batch: on the model's device.
            heard: what the last agent reads behind; ``Trace.empty`` leaves it alone.

        Gradient:
            Flows into the last agent's adapter, and through the trace where it carries any.
        """
        last, (ids, mask) = self.team.agents[-1], batch.targets
        trace, latest = grown(heard, self._readings(last, batch.prompts[-1]), self.recomputation)
        # Its activations are needed first in the backward pass: computing them again would save nothing.
        state = trace.state()
        states = extend(self.lm, state, embed_tokens(self.lm, ids), mask, Span(last.name, "text"))
        predicting = torch.cat([latest[:, None], states[:, :-1]], dim=1)
        return token_logits(self.lm, predicting[mask]), ids[mask]

    def predictions_told(self, batch: TraceBatch) -> tuple[Float[Tensor, "positions vocab"], Int[Tensor, " positions"]]:
        """The same of the last agent when it hears the batch's words and no trace: what it is to come near to.

        Args:
            batch: with ``told``, on the model's device.

        Gradient:
            None. It is computed without dropout.
        """
        assert batch.told is not None, "the batch was laid out without words"
        with self._gradient(flows=False):
            silent = Trace.empty(len(batch.told[0]), batch.told[0].device)
            return self.predictions(batch._replace(prompts=(batch.told,)), silent)

    def _readings(self, agent: Collaborator, prompts: Padded, taken: Mapping[str, int] | None = None) -> list[Reading]:
        """The prompt, and each latent step."""
        ids, mask = prompts
        adapter = self.settings.adapter_of(agent)

        def prompt(state: KVState, _: Tensor | None) -> Tensor:
            speak_as(self.lm, adapter)
            return last_states(
                extend(self.lm, state, embed_tokens(self.lm, ids), mask, Span(agent.name, "prompt")), mask
            )

        def step(align: Aligner, state: KVState, latest: Tensor | None) -> Tensor:
            assert latest is not None
            speak_as(self.lm, adapter)
            return think(self.lm, state, latest, align, 1, Span(agent.name, "latent")).latest

        steps = (taken or {}).get(agent.name, self.team.steps_of(agent))
        return [prompt, *([partial(step, self._aligner(agent))] * steps if steps else [])]

    def _taken_over(self, agent: Collaborator, left: dict[str, Trace], batch: TraceBatch) -> Trace:
        ids, _ = batch.targets
        heard = [left[other.name] for other in self.team.heard_by(agent)]
        if not heard:
            return Trace.empty(len(ids), ids.device)
        whole = self.team.keep == Keep()
        if whole and len(heard) == 1:
            return heard[0]
        by_sender = [messages_of(trace.state()) for trace in heard]
        if not whole:
            senders = zip(self.team.heard_by(agent), by_sender, strict=True)
            by_sender = [[self._kept(row, sender) for row in rows] for sender, rows in senders]
        rows = zip(*by_sender, strict=True)
        return Trace.of_state(
            state_of([merged(self.lm, row, self.team.layout) if len(row) > 1 else row[0] for row in rows])
        )

    def _kept(self, message: KVMessage, sender: Collaborator) -> KVMessage:
        return kept(self.lm, message, self.team.keep, sender.name, torch.Generator().manual_seed(0))

    def _aligner(self, agent: Collaborator) -> Aligner:
        if agent.name in self._learnt:
            return self._learnt[agent.name]
        if self._align is None:  # not sooner: the model may have moved to its device since
            with torch.inference_mode(mode=False):  # a map made during validation must serve in training too
                self._align = aligner(self.lm, self.team.alignment, self.team.ridge_lambda)
        return self._align

    @contextmanager
    def _gradient(self, flows: bool) -> Iterator[None]:
        if flows or not torch.is_grad_enabled():
            yield
            return
        was_training = self.lm.training
        modules: tuple[nn.Module, ...] = (cast(nn.Module, self.lm), self._communication)
        for module in modules:
            module.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for module in modules:
                module.train(was_training)

    def _check_room(self, prompts: Sequence[Sequence[Sequence[int]]], answers: Sequence[Sequence[int]]) -> None:
        steps = sum(self.team.steps_of(agent) for agent in self.team.agents)
        rows = zip(*prompts, answers, strict=True)
        needed = steps + max(sum(map(len, row)) for row in rows)
        room = getattr(self.lm.config, "max_position_embeddings", None)
        if room is not None and needed > room:
            raise InvalidSetting(
                f"a question with its trace and target takes {needed} positions, but '{self.team.model}' knows {room}; leave long ones "
                "out, take fewer agents or latent steps, or another model"
            )
