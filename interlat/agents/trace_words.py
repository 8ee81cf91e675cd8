"""What agents write to one another before the last is taught: words instead of a trace. Knows no Lightning and no benchmark.

Whoever writes is the bare backbone, which stays as it is: each question is answered once, however often it comes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration import LM, Collaboration
from interlat.agents.collaboration_prompts import Question
from interlat.agents.handover import words_heard
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_settings import TraceSettings


class WrittenWords:
    """Words that agents before the last write, kept by question.

    Args:
        settings: of the agents; whatever travels between them otherwise, here they write, without their adapters.
        lm: the model, with the settings' adapters on it.
        tokenizer: its tokenizer.
    """

    def __init__(self, settings: TraceSettings, lm: LM, tokenizer: PreTrainedTokenizerBase) -> None:
        self.settings, self.lm, self.tokenizer = settings, lm, tokenizer
        self._said: dict[str, Mapping[str, str]] = {}

    def of(self, questions: Sequence[Question]) -> list[Mapping[str, str]]:
        """What the last agent hears of each question: texts by who wrote them, in order.

        Sampled texts are those that the same agents write with seed 0 when they work, in any batch.

        Gradient:
            None.
        """
        keys = [json.dumps([each.text, each.answer, sorted(each.shown.items())]) for each in questions]
        missing = {key: each for key, each in zip(keys, questions, strict=True) if key not in self._said}
        if missing:
            self._said.update(zip(missing, self._written(list(missing.values())), strict=True))
        return [self._said[key] for key in keys]

    def told(self, questions: Sequence[Question], plans: Sequence[Sequence[str]]) -> list[Mapping[str, str]]:
        """What the last agent hears where each other one says its sentence of the question's plan.

        Args:
            questions: what is asked.
            plans: of each question; one that has not a sentence for each agent before the last is left aside, and they write.
        """
        names = [agent.name for agent in self.settings.collaboration().agents[:-1]]
        planned = [dict(zip(names, plan, strict=True)) if len(plan) == len(names) else None for plan in plans]
        unplanned = [each for each, plan in zip(questions, planned, strict=True) if plan is None]
        written = iter(self.of(unplanned))
        return [next(written) if plan is None else plan for plan in planned]

    @torch.no_grad()
    def _written(self, questions: Sequence[Question]) -> list[Mapping[str, str]]:
        writing = replace(self.settings, gradient="receiver_only", channel="words", communication_adapter=None)
        settings = writing.collaboration(sampling=self.settings.words)
        was_training = self.lm.training
        try:
            team: Collaboration = TraceCollaboration(
                settings, {settings.model: (self.lm, self.tokenizer)}, writing.adapters()
            )
            heard, _ = team.hand_over(questions)
        finally:
            self.lm.train(was_training)
        return list(words_heard(heard, len(questions)))
