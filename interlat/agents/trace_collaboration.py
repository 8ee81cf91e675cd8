"""Agents that work together with the adapters they have been taught. Knows no file, no training and no benchmark."""

from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration import LM, Collaboration
from interlat.agents.collaboration_settings import CollaborationSettings, Collaborator
from interlat.models.trace_adapters import speak_as


class TraceCollaboration(Collaboration):
    """Agents of one backbone, each of whom speaks with its own adapter, with a shared one, or with none.

    Args:
        settings: who they are, and what travels.
        models: the model with its adapters, and its tokenizer, by the one name that the settings give.
        adapters: of every agent, by its name; None is the bare backbone.
        seed: of what control and selection draw, and of untrained weights.
    """

    def __init__(
        self,
        settings: CollaborationSettings,
        models: Mapping[str, tuple[LM, PreTrainedTokenizerBase]],
        adapters: Mapping[str, str | None],
        seed: int = 0,
    ) -> None:
        self.adapters = dict(adapters)
        super().__init__(settings, models, seed)

    def _model(self, agent: Collaborator) -> LM:
        # Asked for before every use, one agent at a time.
        model = super()._model(agent)
        speak_as(model, self.adapters[agent.name])
        return model
