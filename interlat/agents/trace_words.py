"""What agents write to one another before the last is taught: words instead of a trace. Knows no Lightning and no benchmark.

Whoever writes is the bare backbone, which stays as it is: each question is answered once, however often it comes.
"""

import json
from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration import LM, Collaboration
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.collaboration_prompts import Question
from interlat.agents.handover import Handover
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_settings import TraceSettings


class WrittenWords:
    """Words that agents before the last write, kept by question.

    Args:
        settings: with ``channel: words``.
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

    @torch.no_grad()
    def _written(self, questions: Sequence[Question]) -> list[Mapping[str, str]]:
        settings = self.settings.collaboration(sampling=self.settings.words)
        was_training = self.lm.training
        try:
            team: Collaboration = TraceCollaboration(
                settings, {settings.model: (self.lm, self.tokenizer)}, self.settings.adapters()
            )
            left: dict[str, Handover] = {}
            for agent in settings.agents[:-1]:
                heard = [left[other.name] for other in settings.heard_by(agent)]
                left[agent.name] = team.work(
                    agent, questions, heard, Ledger(agent.name, len(questions), self.lm.device)
                )
        finally:
            self.lm.train(was_training)
        heard = [left[other.name] for other in settings.heard_by(settings.agents[-1])]
        return [
            {name: text for each in heard for name, text in each.texts[row].items()} for row in range(len(questions))
        ]
