"""What a trained trace is made of: agents on one backbone, its LoRA, and where gradients flow. Knows no model, no data and no Lightning.

Source: DiffMAS (arXiv 2604.21794). Its text says twice how gradients flow, and differently; every reading is a ``gradient`` here
(docs/decisions/0011-trace-gradients.md):

                   trace is built by                 gradient reaches
    bptt           all agents' shared adapter        all agents and all steps
    bptt_last      all agents' shared adapter        the last agent and the ``last_agents`` before it
    detached       all agents' shared adapter        the last agent alone
    receiver_only  the bare backbone                 the last agent alone, which alone has an adapter
    per_agent      an adapter of each agent's own    all agents and all steps

With ``channel: words`` the same agents write to each other instead, and the last one is taught on what it hears: text-mas with SFT. Words
carry no gradient, and whoever writes them is the bare backbone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from interlat.agents.collaboration_settings import CollaborationSettings, Collaborator, Topology, cast
from interlat.agents.latent_thoughts import RIDGE_LAMBDA, Alignment
from interlat.errors import InvalidSetting
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep, Layout
from interlat.models.lora import Lora

Gradient = Literal["bptt", "bptt_last", "detached", "receiver_only", "per_agent"]
Channel = Literal["trace", "words"]
WORDS = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=256)  # as LatentMAS decodes, with a smaller budget
SHARED = "default"  # what peft calls the only adapter
PAPER_LORA = Lora(rank=8, alpha=16.0, dropout=0.05, target_modules=("q_proj", "k_proj", "v_proj", "o_proj"))


@dataclass(frozen=True)
class CommunicationSettings:
    """A communication adapter between two latent steps (``interlat.agents.trace_communication``).

    Args:
        heads: of its attention; must divide the model's width.
        dropout: on its attention, of which one latent has one weight: where that is dropped, all is.
        start: ``fitted`` begins as the trace's ``alignment``; ``random`` as Interlat's adapter does.
    """

    heads: int = 8
    dropout: float = 0.0
    start: Literal["fitted", "random"] = "fitted"


@dataclass(frozen=True)
class TraceSettings:
    """Agents whose keys and values are learnt.

    Args:
        model: the backbone of all agents, as ``load_causal_lm`` takes it; frozen.
        cast: the agents: ``sequential``, ``hierarchical`` or ``single``, a JSON file, or a list of agents; the last one answers. One agent
            alone is the same training without a trace.
        latent_steps: m of every agent but the last.
        gradient: where gradients flow, and who has an adapter.
        channel: what agents hand on: their ``trace``, or ``words``, which wants ``receiver_only``.
        last_agents: of ``bptt_last``: how many agents before the last learn.
        lora: of every adapter. Rank and alpha are the paper's; targets and dropout are not in it.
        topology: ``chain``, or ``tree``, in which agents before the last read nobody: their caches are concatenated (StitchMAS).
        layout: where a tree's caches stand before the last agent.
        keep: what of the trace is handed on; ``{kinds: latents}`` sends what agents thought and not what they read.
        words: how agents before the last write, where words travel.
        alignment: from a state to the next input.
        ridge_lambda: λ of ``ridge``.
        communication_adapter: in the place of the alignment, for whoever has a LoRA, and learnt with it; None leaves it out.
        system: content of a system turn; None leaves it to the template.
        opener: text that every agent's turn begins with.
        dtype: of the backbone's weights; adapters stay in float32 where these are narrower.

    Raises:
        InvalidSetting: if settings contradict each other.
    """

    model: str
    cast: str | tuple[Collaborator, ...] = "sequential"
    latent_steps: int = 10
    gradient: Gradient = "bptt"
    channel: Channel = "trace"
    last_agents: int = 1
    lora: Lora = PAPER_LORA
    topology: Topology = "chain"
    layout: Layout = "follow"
    keep: Keep = field(default_factory=Keep)
    words: Sampling = field(default_factory=lambda: WORDS)
    alignment: Alignment = "rescale"
    ridge_lambda: float = RIDGE_LAMBDA
    communication_adapter: CommunicationSettings | None = None
    system: str | None = None
    opener: str = ""
    dtype: str = "float32"

    def __post_init__(self) -> None:
        agents = self.collaboration().agents
        own = [agent.name for agent in agents if agent.model is not None]
        if own:
            raise InvalidSetting(
                f"a trace is read by the model that wrote it, so all agents share one backbone, got a model of {', '.join(own)}'s own; "
                "leave it out, or compare models with latent-mas"
            )
        if self.gradient == "bptt_last" and (self.topology == "tree" or not 1 <= self.last_agents < len(agents)):
            raise InvalidSetting(
                f"bptt_last wants a chain and last_agents within 1 and {len(agents) - 1}, got a {self.topology} and {self.last_agents}; "
                "take bptt for all agents, detached for none"
            )
        if self.channel == "words" and (self.gradient != "receiver_only" or len(agents) == 1):
            raise InvalidSetting(
                f"words carry no gradient: they want several agents and gradient: receiver_only, got {len(agents)} and {self.gradient}; "
                "change it, or take channel: trace"
            )
        if self.keep.layers is not None:
            raise InvalidSetting(
                f"a trace is trained in all layers, got keep.layers {list(self.keep.layers)}; leave them out here, and choose layers where "
                "the agents work (--keep)"
            )
        if self.communication_adapter is not None and not self._teaches_thinking():
            raise InvalidSetting(
                f"a communication_adapter learns where gradient flows through latent steps, and none does with gradient: {self.gradient}, "
                f"channel: {self.channel} and {self.latent_steps} latent steps; take bptt, bptt_last or per_agent and more steps, or leave "
                "the adapter out"
            )

    @property
    def sends_trace(self) -> bool:
        """Whether keys and values travel."""
        return self.collaboration().sends_kv

    def collaboration(self, **changes: Any) -> CollaborationSettings:
        """The same agents as they work together once trained.

        Args:
            changes: other values for fields of ``CollaborationSettings``, such as ``sampling`` or ``control``.
        """
        agents = cast(self.cast) if isinstance(self.cast, str) else tuple(self.cast)
        method = "single" if len(agents) == 1 else "text-mas" if self.channel == "words" else "latent-mas"
        taken = (
            "model",
            "latent_steps",
            "topology",
            "layout",
            "keep",
            "alignment",
            "ridge_lambda",
            "system",
            "opener",
            "dtype",
        )
        fields = {"agents": agents, "method": method, **{name: getattr(self, name) for name in taken}}
        return CollaborationSettings(**{**fields, **changes})

    def adapter_of(self, agent: Collaborator) -> str | None:
        """The adapter an agent speaks with; None is the bare backbone."""
        if self.gradient == "per_agent":
            return f"agent-{agent.name}"  # peft cannot keep an adapter called "a": its own prefix holds that
        is_last = agent.name == self.collaboration().agents[-1].name
        return None if self.gradient == "receiver_only" and not is_last else SHARED

    def adapters(self) -> dict[str, str | None]:
        """The adapter of every agent, by its name, in order."""
        return {agent.name: self.adapter_of(agent) for agent in self.collaboration().agents}

    def thinking(self) -> dict[str, str]:
        """The adapter of every agent who takes latent steps and has one, by the agent's name, in order."""
        team, adapters = self.collaboration(), self.adapters()
        named = {agent.name: adapters[agent.name] for agent in team.agents if team.steps_of(agent)}
        return {agent: adapter for agent, adapter in named.items() if adapter is not None}

    def with_steps(self, steps: Mapping[str, int]) -> "TraceSettings":
        """The same agents, of whom those named take other numbers of latent steps."""
        agents = self.collaboration().agents
        return replace(
            self, cast=tuple(replace(each, latent_steps=steps.get(each.name, each.latent_steps)) for each in agents)
        )

    def learns_upstream(self, place: int) -> bool:
        """Whether gradient flows through what the agent at a place before the last has left."""
        if self.gradient == "bptt_last":
            return place >= len(self.collaboration().agents) - 1 - self.last_agents
        return self.gradient in ("bptt", "per_agent")

    def _teaches_thinking(self) -> bool:
        agents = self.collaboration().agents
        return any(
            agent.name in self.thinking() and (agent is agents[-1] or self.learns_upstream(place))
            for place, agent in enumerate(agents)
        )
