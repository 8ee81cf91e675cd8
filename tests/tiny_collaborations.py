"""Collaborations of tiny agents that are exact in float64, and the questions they work on. Knows no benchmark."""

from exact_lm import exact_lm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import CollaborationSettings, cast
from interlat.models import train_tokenizer
from interlat.models.decoding import Sampling

QUESTIONS = [
    Question("What is 2 + 3?"),
    Question("A mug and a plate cost 7. The mug costs 3. What does the plate cost? {answer}"),
    Question("go", "choice"),
]
SHORT = Sampling(max_new_tokens=6)
STEPS = 4


def question_tokenizer() -> PreTrainedTokenizerBase:
    """A tokenizer of the questions' words."""
    return train_tokenizer([question.text for question in QUESTIONS], 400)


def question_lm(tokenizer: PreTrainedTokenizerBase, family: str = "llama", seed: int = 0) -> PreTrainedModel:
    """Two layers, two key heads of 8 numbers of 8 bytes, and room for long chains."""
    model = exact_lm(family, tied=False, seed=seed, vocab=len(tokenizer), layers=2)
    model.config.max_position_embeddings = 4096
    return model


def tiny_collaboration(lm, tokenizer, method="latent-mas", who="sequential", **settings) -> Collaboration:
    """Agents of one model that take four steps and write six tokens, greedily."""
    defaults = {"latent_steps": STEPS, "sampling": SHORT, "model": "tiny", **settings}
    return Collaboration(CollaborationSettings(cast(who), method, **defaults), {"tiny": (lm, tokenizer)}, seed=0)
