"""Which ways of working together are compared, and on what: the fields are the flags of `interlat-eval --method`. Knows no parser."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from interlat.agents.collaboration_settings import CollaborationSettings, Topology, cast
from interlat.agents.latent_thoughts import Alignment
from interlat.agents.trace_folder import trace_settings, trained_on
from interlat.agents.trace_settings import TraceSettings
from interlat.data.reasoning.benchmarks import BenchmarkName
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import CROSS_TASK, LEARNT, WHOLE, Condition, MethodName, parse_conditions
from interlat.evaluation.settings import PROTOCOL_VERSION
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep, Layout

_COUNTS = {"games": 1, "runs": 1, "batch_size": 1, "answer_tokens": 1, "text_tokens": 1, "latent_steps": 0}


@dataclass(frozen=True)
class MethodSettings:
    """Settings of a comparison of methods.

    Args:
        method: one or several: single,text-mas,latent-mas,latent-mas:40,latent-mas+zero,hybrid,diffmas,sft; the first is compared with
        model: hub name or folder of the language model (default: the one that --checkpoint was trained on)
        checkpoint: run folder for diffmas (a trained trace) or sft (trained on words, or alone); its agents are those it was trained with
        env: a benchmark: gsm8k, math500, arc-easy, humaneval, ... (docs/reasoning.md)
        split: unseen are its test problems
        cast: sequential, hierarchical, or a JSON file of agents; the last one answers
        single: cast of the method single
        topology: who hears whom; a tree merges what its agents hold for the last
        layout: where a tree's messages stand before the last agent
        latent_steps: m of every agent but the last
        alignment: from a state to the next input
        keep: what is sent on, like '{kinds: latents}' or '{share: 0.5}' (default: everything, or what diffmas was trained to keep)
        system: content of a system turn (default: the template's)
        opener: what every agent's turn begins with
        temperature: of words; 0 takes the most likely token
        top_p: probability mass that words are drawn from
        answer_tokens: most tokens of an answer (default: by benchmark)
        text_tokens: most tokens of what others write (default: as answers)
        games: how many problems, spread over the split (default: all)
        runs: repetitions, seeded seed, seed+1, ...
        seed: of the first run
        batch_size: problems worked on at once; a cross-task message is another one's of them
        dtype: of the weights
        stability: also measure perplexity and entropy of answers (docs/stability.md)
        out: folder for episodes.jsonl and results.json
        resume: go on with what --out holds

    Raises:
        InvalidSetting: if a value is out of range or two contradict.
    """

    method: str
    model: str | None = None
    checkpoint: Path | None = None
    env: BenchmarkName = "gsm8k"
    split: Literal["train", "seen", "unseen"] = "unseen"
    cast: str = "sequential"
    single: str = "single"
    topology: Topology = "chain"
    layout: Layout = "follow"
    latent_steps: int = 20
    alignment: Alignment = "ridge"
    keep: Keep | None = None
    system: str | None = None
    opener: str = ""
    temperature: float = 0.6
    top_p: float = 0.95
    answer_tokens: int | None = None
    text_tokens: int | None = None
    games: int | None = None
    runs: int = 1
    seed: int = 0
    batch_size: int = 8
    dtype: Literal["float32", "bfloat16"] = "float32"
    stability: bool = False
    out: Path | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        for name, least in _COUNTS.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidSetting(f"--{name.replace('_', '-')} must be at least {least}, got {value}")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise InvalidSetting(
                f"wanted --temperature of at least 0 and --top-p within (0, 1], got {self.temperature} and {self.top_p}"
            )
        if self.resume and self.out is None:
            raise InvalidSetting("--resume goes on with a folder; name it with --out")
        self._check_methods()
        for condition in self.compared:  # a cast that is not there is found before any model is loaded
            self.collaboration(condition, 1)

    def _check_methods(self) -> None:
        played = [of.name for of in self.compared if not of.is_method]
        if played:
            raise InvalidSetting(
                f"--method compares {', '.join(get_args(MethodName))}; got {', '.join(played)}, which an actor of a --checkpoint reads"
            )
        learnt = [of.name for of in self.compared if of.message in LEARNT]
        if bool(learnt) != (self.checkpoint is not None):
            raise InvalidSetting(
                f"{', '.join(learnt)} is played by what a run has learnt; name its folder with --checkpoint"
                if learnt
                else f"--checkpoint is for diffmas and sft, got --method {self.method}; add it, or leave the checkpoint out"
            )
        fitting = "" if self.checkpoint is None else "diffmas" if self._trained.sends_trace else "sft"
        if any(of.message != fitting for of in self.compared if of.message in LEARNT):
            raise InvalidSetting(
                f"what '{self.checkpoint}' has learnt is played by {fitting}, got {', '.join(learnt)}; write --method {fitting}"
            )
        if self.model is None and self.checkpoint is None:
            raise InvalidSetting("wanted the language model of the agents, got none; name it with --model")
        if self.batch_size < 2 and any(of.control == CROSS_TASK for of in self.compared):
            raise InvalidSetting("cross-task needs another problem in the batch, got --batch-size 1; take at least 2")

    @property
    def compared(self) -> tuple[Condition, ...]:
        """The conditions in order; the first is the one that others are compared with."""
        return parse_conditions(self.method)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed a run."""
        return tuple(self.seed + run for run in range(self.runs))

    def collaboration(self, condition: Condition, answer_tokens: int) -> CollaborationSettings:
        """Who works on a problem under a condition, and how.

        Args:
            condition: method, latent steps and control.
            answer_tokens: most tokens of an answer where the settings leave it to the benchmark.
        """
        changes = self.changes(condition, answer_tokens)
        if condition.message in LEARNT:
            return self._trained.collaboration(**changes)
        alone = condition.message == "single"
        return CollaborationSettings(
            cast(self.single if alone else self.cast),
            condition.message,  # type: ignore[arg-type]  # a method, as __post_init__ has seen
            self.model or self._trained.model,
            topology="chain" if alone else self.topology,
            layout=self.layout,
            alignment=self.alignment,
            system=self.system,
            opener=self.opener,
            **{"latent_steps": self.latent_steps, **changes},
        )

    @property
    def trained_on(self) -> frozenset[str]:
        """Problems that the checkpoint has seen, which are left out for every method."""
        return frozenset() if self.checkpoint is None else trained_on(self.checkpoint)

    @property
    def _trained(self) -> TraceSettings:
        assert self.checkpoint is not None  # as __post_init__ has seen
        return trace_settings(self.checkpoint)

    def changes(self, condition: Condition, answer_tokens: int) -> dict[str, Any]:
        """What a condition and the flags say of a collaboration, whoever works in it."""
        control = {CROSS_TASK: "swap", WHOLE: None}.get(condition.control or "", condition.control)
        return {
            **({} if condition.length is None else {"latent_steps": int(condition.length)}),
            **({} if self.keep is None else {"keep": self.keep}),
            "control": control,
            "sampling": Sampling(self.temperature, self.top_p, 0, self.answer_tokens or answer_tokens),
            "text_tokens": self.text_tokens,
            "dtype": self.dtype,
        }

    def identity(self) -> dict[str, Any]:
        """What decides the numbers of an answer. Runs and methods may be added to a folder, the rest may not change."""
        # An answer kept without the numbers cannot supply them. Where nobody asks for them, folders from before there were any go on.
        free = ("method", "runs", "out", "resume", *(() if self.stability else ("stability",)))
        values = {name: value for name, value in asdict(self).items() if name not in free}
        if self.checkpoint is not None:
            taught = asdict(self._trained)
            values["checkpoint"] = self.checkpoint.as_posix()
            values["trace"] = {
                name: taught[name] for name in ("gradient", "channel", "topology", "latent_steps", "keep")
            }
        return {"protocol_version": PROTOCOL_VERSION, "policy": "methods", "max_steps": 1, **values}
