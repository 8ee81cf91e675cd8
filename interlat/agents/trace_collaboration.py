"""Agents that work together with the adapters they have been taught. Knows no file, no training and no benchmark."""

from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration import LM, Collaboration
from interlat.agents.collaboration_settings import CollaborationSettings, Collaborator
from interlat.agents.latent_thoughts import Aligner
from interlat.models.trace_adapters import speak_as


class TraceCollaboration(Collaboration):
    """Agents of one backbone, each of whom speaks with its own adapter, with a shared one, or with none.

    Args:
        settings: who they are, and what travels.
        models: the model with its adapters, and its tokenizer, by the one name that the settings give.
        adapters: of every agent, by its name; None is the bare backbone.
        seed: of what control and selection draw, and of untrained weights.
        aligners: what feeds an agent's states back, by its name, where it has learnt one.
    """

    def __init__(
        self,
        settings: CollaborationSettings,
        models: Mapping[str, tuple[LM, PreTrainedTokenizerBase]],
        adapters: Mapping[str, str | None],
        seed: int = 0,
        aligners: Mapping[str, Aligner] | None = None,
    ) -> None:
        self.adapters, self._learnt = dict(adapters), dict(aligners or {})
        super().__init__(settings, models, seed)

    def _model(self, agent: Collaborator) -> LM:
        # Asked for before every use, one agent at a time.
        model = super()._model(agent)
        speak_as(model, self.adapters[agent.name])
        return model

    def _aligner(self, sender: str, receiver: Collaborator) -> Aligner:
        # Fresh weights have learnt nothing: what they send has the form of a message alone.
        if sender in self._learnt and not self._is_untrained(receiver):
            return self._learnt[sender]
        return super()._aligner(sender, receiver)
