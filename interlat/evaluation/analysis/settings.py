"""Which analysis of which runs on which games: the fields are the flags of `interlat-analyze`. Knows no parser."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from interlat.data.games import EnvName, Split
from interlat.errors import InvalidSetting

AnalysisName: TypeAlias = Literal["separation", "compression-gain", "parallelism", "pca", "probe"]
PURPOSES: Mapping[AnalysisName, str] = {
    "separation": "ln 2 - JS while training, and the step of its drop (Figure 3)",
    "compression-gain": "loss that shorter messages add, cut or learned (Figure 6)",
    "parallelism": "what each latent says through the LM head (Figures 5, 9, 10)",
    "pca": "messages before and after the adapter, by task type",
    "probe": "what a linear probe reads from a message",
}


@dataclass(frozen=True)
class AnalysisSettings:
    """Settings of an analysis.

    Args:
        name: which one.
        checkpoints: run folders. Separation draws a curve for each; the others take the actor from the first and a compressor
            from each of stage 2.
        env: ALFWorld's own games, or the embedded ones in small rooms or in rooms like ALFWorld's.
        split: which games.
        games: how many; None takes all.
        seed: of sampled plans, the bootstrap and folds.
        batch_size: games computed at once.
        steps: latent steps that parallelism looks at; Figure 10 shows 32.
        smooth: points of the separation's moving average; None takes a twentieth of them.
        dtype: of actor and compressor; None takes the one they were trained in.
        out: folder for the JSON file and the picture; None puts them into the first run folder.

    Raises:
        InvalidSetting: if a value is out of range, or no checkpoint is named.
    """

    name: AnalysisName
    checkpoints: tuple[Path, ...]
    env: EnvName = "alfworld"
    split: Split = "unseen"
    games: int | None = None
    seed: int = 0
    batch_size: int = 16
    steps: int = 32
    smooth: int | None = None
    dtype: Literal["float32", "bfloat16"] | None = None
    out: Path | None = None

    def __post_init__(self) -> None:
        if not self.checkpoints:
            raise InvalidSetting("an analysis looks into a trained run; name its folder with --checkpoint")
        for flag in ("games", "batch_size", "steps", "smooth"):
            value = getattr(self, flag)
            if value is not None and value < 1:
                raise InvalidSetting(f"--{flag.replace('_', '-')} must be at least 1, got {value}")

    @property
    def folder(self) -> Path:
        """Where results go."""
        return self.checkpoints[0] / "analysis" if self.out is None else self.out

    def identity(self) -> dict[str, Any]:
        """What decides the numbers, as JSON holds it."""
        runs = {"checkpoints": [folder.as_posix() for folder in self.checkpoints]}
        if self.name == "separation":
            return {**runs, "smooth": self.smooth}
        played = {name: getattr(self, name) for name in ("env", "split", "games", "seed", "batch_size", "dtype")}
        return {**runs, **played, **({"steps": self.steps} if self.name == "parallelism" else {})}
