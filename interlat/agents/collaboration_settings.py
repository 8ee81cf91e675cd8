"""What a collaboration is made of: its agents as data, who hears whom, and what travels. Knows no model, no data and no Lightning."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from interlat.agents.latent_thoughts import RIDGE_LAMBDA, Alignment
from interlat.agents.prompts import prompt_file
from interlat.errors import InvalidSetting
from interlat.models.decoding import Sampling
from interlat.models.kv import KV_CONTROLS, Keep, Layout

Method = Literal["single", "text-mas", "latent-mas", "hybrid"]
Topology = Literal["chain", "tree"]
KVControl = Literal["zero", "swap", "permute", "untrained"]
CASTS = ("single", "sequential", "hierarchical")
# As the release decodes the last agent; the budget is the one its README takes.
PAPER_SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=2048)


@dataclass(frozen=True)
class Collaborator:
    """One agent of a collaboration.

    Args:
        name: under which others hear it, and its entries are kept.
        role: what it is asked: a prompt of the library such as ``latentmas/planner``, or a text file of your own (a path that ends
            in .txt). ``{question}``, ``{heard}`` and ``{answer}`` in it are filled in.
        latent_steps: m of its own; None takes the collaboration's, and 0 for the last agent, which writes the answer. Methods that
            send no latents take no steps.
        model: of its own; None takes the collaboration's. Tokenizers must be the same.
    """

    name: str
    role: str
    latent_steps: int | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise InvalidSetting(f"an agent needs a name without blanks around it, got {self.name!r}; choose another")
        if self.latent_steps is not None and self.latent_steps < 0:
            raise InvalidSetting(f"agent '{self.name}' wants at least 0 latent steps, got {self.latent_steps}")


@dataclass(frozen=True)
class CollaborationSettings:
    """Agents that work on one question; the last one writes the answer.

    Args:
        agents: any number; the last one answers.
        method: what travels: nothing (``single``, one agent), ``text-mas`` words, ``latent-mas`` keys and values of prompts and
            latent thoughts, ``hybrid`` both. Prompts, seeds and budgets are the same for all.
        model: of every agent without its own, as ``load_causal_lm`` takes it.
        latent_steps: m. 0 is a setting of its own: prompts are read and their keys and values sent, and no one thinks.
        topology: ``chain``, in which each agent hears all before it; ``tree``, in which the last hears all others and these
            hear no one. What the LatentMAS paper calls hierarchical is, in its code, a chain with the prompts of a tree.
        layout: where a tree's messages stand before the last agent (``interlat.models.kv.positions``).
        alignment: from a state to the next input (``interlat.agents.latent_thoughts``).
        ridge_lambda: λ of ``ridge``.
        keep: what of a message is sent on, at every hand-over.
        control: what is done to the message before the last agent reads it: ``zero``, ``swap`` (another task's), ``permute``
            (contents at each other's positions), ``untrained`` (all but the last agent have fresh weights).
        sampling: how the answer is drawn.
        text_tokens: most tokens that an agent before the last writes; None takes the answer's.
        system: content of a system turn; None leaves it to the template.
        opener: text that every agent's turn begins with, such as ``<think>`` and a new line.
        dtype: of the weights.

    Raises:
        InvalidSetting: if settings contradict each other.
    """

    agents: tuple[Collaborator, ...]
    method: Method
    model: str
    latent_steps: int = 20
    topology: Topology = "chain"
    layout: Layout = "follow"
    alignment: Alignment = "ridge"
    ridge_lambda: float = RIDGE_LAMBDA
    keep: Keep = field(default_factory=Keep)
    control: KVControl | None = None
    sampling: Sampling = field(default_factory=lambda: PAPER_SAMPLING)
    text_tokens: int | None = None
    system: str | None = None
    opener: str = ""
    dtype: str = "float32"

    def __post_init__(self) -> None:
        names = [agent.name for agent in self.agents]
        if len(set(names)) < len(names):
            raise InvalidSetting(f"wanted each agent under a name of its own, got {', '.join(names)}; rename one")
        if (len(names) == 1) != (self.method == "single"):
            raise InvalidSetting(
                f"method '{self.method}' wants {'one agent' if self.method == 'single' else 'at least 2 agents'}, "
                f"got {len(names)}; take another cast or method"
            )
        if self.latent_steps < 0:
            raise InvalidSetting(f"wanted at least 0 latent steps, got {self.latent_steps}; 0 sends the prompts alone")
        silent = [agent.name for agent in self.agents[:-1] if self.steps_of(agent) == 0]
        if self.sends_kv and self.keep.kinds == "latents" and silent:
            raise InvalidSetting(
                f"keep.kinds: latents sends nothing of {', '.join(silent)}, who take 0 latent steps; set steps above 0 or keep all"
            )
        if self.control is not None and (self.control not in KV_CONTROLS or not self.sends_kv):
            raise InvalidSetting(
                f"a control wants a method that sends keys and values (latent-mas, hybrid) and is one of {', '.join(KV_CONTROLS)}, "
                f"got '{self.control}' with '{self.method}'; change one of them"
            )

    @property
    def sends_kv(self) -> bool:
        """Whether keys and values travel."""
        return self.method in ("latent-mas", "hybrid")

    @property
    def sends_text(self) -> bool:
        """Whether words travel."""
        return self.method in ("text-mas", "hybrid")

    @property
    def text_sampling(self) -> Sampling:
        """How agents before the last write."""
        tokens = self.sampling.max_new_tokens if self.text_tokens is None else self.text_tokens
        return Sampling(self.sampling.temperature, self.sampling.top_p, self.sampling.top_k, tokens)

    def steps_of(self, agent: Collaborator) -> int:
        """How many latent steps an agent takes."""
        if self.method == "text-mas":
            return 0
        if agent.latent_steps is not None:
            return agent.latent_steps
        return 0 if agent is self.agents[-1] else self.latent_steps

    def model_of(self, agent: Collaborator) -> str:
        """The name of an agent's model."""
        return agent.model or self.model

    def heard_by(self, agent: Collaborator) -> tuple[Collaborator, ...]:
        """Whose messages an agent takes over; in a chain the one before it, whose message holds all earlier ones."""
        place = self.agents.index(agent)
        if self.topology == "chain":
            return self.agents[max(place - 1, 0) : place]
        return self.agents[:-1] if agent is self.agents[-1] else ()


def cast(name: str) -> tuple[Collaborator, ...]:
    """The agents of a cast: ``single``, ``sequential`` or ``hierarchical`` of the library, or a JSON file of your own.

    The file holds a list of agents, each with ``name``, ``role`` and, where wanted, ``latent_steps`` and ``model``.

    Raises:
        InvalidSetting: if there is no such cast, or the file does not hold one.
    """
    try:
        text = (
            Path(name).read_text(encoding="utf-8")
            if name.endswith(".json")
            else prompt_file(f"latentmas/cast_{name}.json")
        )
    except OSError as error:
        raise InvalidSetting(
            f"no cast is called {name!r} ({error}); take {', '.join(CASTS)}, or give the path of a file that ends in .json"
        ) from error
    try:
        return _read_cast(json.loads(text))
    except (json.JSONDecodeError, TypeError) as error:
        raise InvalidSetting(
            f"{name} must hold a list of agents with name and role, got one that cannot be read: {error}"
        ) from error


def _read_cast(agents: Sequence[dict[str, object]]) -> tuple[Collaborator, ...]:
    return tuple(Collaborator(**agent) for agent in agents)  # type: ignore[arg-type]  # checked by the caller's except
