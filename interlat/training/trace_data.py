"""Problems for agents that share a trace: what each agent is shown, and what the last one is taught to say. Knows no model.

Any source of problems will do: a benchmark, problems made on the spot, or a file of prompts and targets
(``interlat.data.prompt_targets``). Which problems are taken depends on the source and its seed alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lightning import LightningDataModule
from torch.utils.data import DataLoader

from interlat.agents.collaboration_prompts import Question
from interlat.data.games import GameSource, Split
from interlat.data.reasoning.answers import CodeTests
from interlat.data.reasoning.problem import Problem
from interlat.errors import GameDataNotFound, InvalidSetting
from interlat.training.resumable import ResumableLoader, SeededBatches

Target = Literal["solution", "answer"]


@dataclass(frozen=True)
class TaughtProblem:
    r"""A problem, and how its answer is taught.

    Args:
        problem: what is asked, with parts where it is split between agents.
        kind: ``solution``, worked out, or the boxed answer where none is known; ``answer``, the boxed answer alone.

    Raises:
        InvalidSetting: if there is nothing to say: a program that has tests only.
    """

    problem: Problem
    kind: Target = "solution"

    def __post_init__(self) -> None:
        if not self.target:
            raise InvalidSetting(
                f"wanted a target for problem '{self.problem.game_id}', got tests and no {self.kind}; take target: solution, and problems "
                "that have one"
            )

    @property
    def name(self) -> str:
        """The problem's own."""
        return self.problem.game_id

    @property
    def target(self) -> str:
        """What the last agent is taught to say."""
        if self.kind == "solution":
            return self.problem.walkthrough[0]
        return "" if isinstance(self.problem.answer, CodeTests) else f"\\boxed{{{self.problem.answer}}}"

    def question(self, agents: Sequence[str]) -> Question:
        """The question as a collaboration of these agents is asked it, each shown its part where there are parts.

        Raises:
            InvalidSetting: if there are several agents, and not as many as parts.
        """
        return Question(self.problem.question, self.problem.answer_kind, self.problem.shown_to(agents))


class TraceDataModule(LightningDataModule):
    """Problems, one trace each.

    Args:
        games: where problems come from.
        num_games: training problems: the first of the split in the source's order.
        num_validation: held-out problems.
        split: training problems are taken from it.
        validation_split: held-out ones are taken from it; None takes those behind the training problems.
        target: what the last agent is taught to say.
        batch_size: problems a step and process.
        seed: of the order in which problems come.

    Raises:
        InvalidSetting: if there are no training problems.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        games: GameSource,
        *,
        num_games: int,
        num_validation: int = 0,
        split: Split = "train",
        validation_split: Split | None = None,
        target: Target = "solution",
        batch_size: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if num_games < 1 or num_validation < 0:
            raise InvalidSetting(
                f"wanted at least 1 training problem and 0 held-out ones, got {num_games} and {num_validation}"
            )
        self.games, self.num_games, self.num_validation = games, num_games, num_validation
        self.split, self.validation_split, self.target = split, validation_split, target
        self.batch_size, self.seed = batch_size, seed

    def setup(self, stage: str) -> None:
        """Choose the problems."""
        if self.validation_split in (None, self.split):
            problems = self._problems(self.split, self.num_games + self.num_validation)
            self.train, self.validation = problems[: self.num_games], problems[self.num_games :]
        else:
            assert self.validation_split is not None
            self.train = self._problems(self.split, self.num_games)
            self.validation = self._problems(self.validation_split, self.num_validation) if self.num_validation else []

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches, the same in every run of the same seed."""
        trainer = self.trainer
        assert trainer is not None
        process = (trainer.global_rank, trainer.world_size)
        batches = SeededBatches(len(self.train), self.batch_size, self.seed, process=process)
        return ResumableLoader(self.train, batches, self._collate())

    def val_dataloader(self) -> Any:
        """The held-out problems; nothing where there are none."""
        if not self.validation:
            return []
        return DataLoader(self.validation, batch_size=self.batch_size, collate_fn=self._collate())  # type: ignore[arg-type]

    def provenance(self) -> dict[str, object]:
        """What the run folder says of its data; evaluation leaves out the problems named here."""
        return {
            "data": {**self.games.identity(), "split": self.split, "target": self.target},
            "trained_on": sorted(each.name for each in self.train),
        }

    def _problems(self, split: Split, count: int) -> list[TaughtProblem]:
        problems = self.games.games(split, count)
        strange = [type(each).__name__ for each in problems if not isinstance(each, Problem)]
        if strange:
            raise InvalidSetting(
                f"a trace is taught on problems with one answer, got a source of {strange[0]}; take one of interlat.data.reasoning, or "
                "interlat.data.prompt_targets.PromptTargets"
            )
        if len(problems) < count:
            raise GameDataNotFound(
                f"wanted {count} problems of split '{split}' (training and held-out together where they share it), got {len(problems)}; "
                "ask for fewer, or name another source"
            )
        return [TaughtProblem(problem, self.target) for problem in problems]

    def _collate(self) -> Any:
        return self.trainer.lightning_module.collator()  # type: ignore[union-attr,operator]
