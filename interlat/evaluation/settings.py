"""What is evaluated and how: the fields are the flags of `interlat-eval`. Knows no parser."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from interlat.data.games import EnvName
from interlat.data.reasoning.benchmarks import BenchmarkName
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import Condition, MessageKind, parse_conditions

PROTOCOL_VERSION = 2  # rises when the same games and weights may get other numbers; see the CHANGELOG


@dataclass(frozen=True)
class EvalSettings:
    """Settings of an evaluation.

    Args:
        env: alfworld, household, household-measured; or problems: arithmetic, math, gsm8k, … (docs/reasoning.md)
        split: which games; unseen are the test problems of a benchmark
        checkpoint: run folder of the actor, or a plain model (text, none, kv)
        policy: who plays; scripted ones need no checkpoint and read no message
        message: what the actor is given (default: latent)
        control: what is done to the message on its way, like cross-task or random-rot
        length: latents of the message (default: all)
        conditions: several to compare instead: latent,latent:8,text,none,latent+cross-task,...
        view: of a plain model as sender (default: house)
        form: of a plain model's answers (default: action; react names the commands)
        engine: of the games; both give the same text
        max_steps: step cap; papers use 20 to 50
        answer_tokens: most tokens an answer may have (default: by the form of answers, and by benchmark)
        games: how many, spread over the split (default: all, 134 of household)
        runs: repetitions, seeded seed, seed+1, ...
        seed: of the first run
        batch_size: games played at once
        dtype: of the weights (default: as trained); bfloat16 is faster where the processor has it
        out: folder for episodes.jsonl and results.json (default: in the checkpoint)
        resume: go on with what --out holds

    Raises:
        InvalidSetting: if a value is out of range or two contradict.
    """

    env: Literal[EnvName, BenchmarkName] = "alfworld"
    split: Literal["train", "seen", "unseen"] = "unseen"
    checkpoint: Path | None = None
    policy: Literal["actor", "expert", "walkthrough", "random"] = "actor"
    message: MessageKind | None = None
    control: str | None = None
    length: int | None = None
    conditions: str | None = None
    view: Literal["task", "house", "problem"] | None = None
    form: Literal["action", "react", "solve"] | None = None
    engine: Literal["native", "textworld"] = "native"
    max_steps: int = 20
    answer_tokens: int | None = None
    games: int | None = None
    runs: int = 1
    seed: int = 0
    batch_size: int = 16
    dtype: Literal["float32", "bfloat16"] | None = None
    out: Path | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        for name in ("max_steps", "answer_tokens", "games", "runs", "batch_size", "length"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidSetting(f"--{name.replace('_', '-')} must be at least 1, got {value}")
        self._check_policy()
        if self.resume and self.folder is None:
            raise InvalidSetting("--resume goes on with a folder; name it with --out")
        _ = self.compared  # reads the conditions, so that a wrong one is refused before any game is loaded

    def _check_policy(self) -> None:
        asked = [name for name in ("message", "control", "length", "conditions") if getattr(self, name) is not None]
        if self.policy == "actor" and self.checkpoint is None:
            raise InvalidSetting(
                "--policy actor plays a trained run; name its folder with --checkpoint, "
                "or take --policy expert, walkthrough or random"
            )
        if self.policy != "actor" and asked:
            raise InvalidSetting(f"--policy {self.policy} reads no message; leave out --{', --'.join(asked)}")
        if self.policy != "actor" and self.checkpoint is not None:
            raise InvalidSetting(f"--policy {self.policy} has no weights; leave out --checkpoint")
        methods = [of.name for of in self.compared if of.is_method]
        if methods:
            raise InvalidSetting(
                f"{', '.join(methods)} is a method of agents without a checkpoint; take --method instead"
            )
        if self.policy != "actor" and (self.view or self.form):
            raise InvalidSetting(f"--policy {self.policy} has no prompts; leave out --view and --form")
        if self.conditions is not None and len(asked) > 1:
            raise InvalidSetting("--conditions names messages, controls and lengths itself; leave out the other flags")

    @property
    def compared(self) -> tuple[Condition, ...]:
        """The conditions in order; the first is the one that others are compared with."""
        if self.conditions is not None:
            return parse_conditions(self.conditions)
        if self.policy != "actor":
            return (Condition("none"),)
        return (Condition(self.message or "latent", self.length, self.control),)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed a run."""
        return tuple(self.seed + run for run in range(self.runs))

    @property
    def folder(self) -> Path | None:
        """Where results go; None for a scripted policy without ``out``, whose results are only shown."""
        if self.out is not None or self.checkpoint is None:
            return self.out
        steps = "" if self.env in get_args(BenchmarkName) else f"-{self.max_steps}-steps"  # a problem has one
        return self.checkpoint / "evaluation" / f"{self.env}-{self.split}{steps}"

    def identity(self) -> dict[str, Any]:
        """What decides the numbers of an episode. Runs and conditions may be added to a folder, the rest may not change."""
        return {
            "protocol_version": PROTOCOL_VERSION,
            "env": self.env,
            "split": self.split,
            "policy": self.policy,
            "checkpoint": None if self.checkpoint is None else self.checkpoint.as_posix(),
            "engine": self.engine,
            "max_steps": self.max_steps,
            **({} if self.answer_tokens is None else {"answer_tokens": self.answer_tokens}),
            **{name: getattr(self, name) for name in ("view", "form") if getattr(self, name) is not None},
            "games": self.games,
            "seed": self.seed,
            "dtype": self.dtype,
        }
