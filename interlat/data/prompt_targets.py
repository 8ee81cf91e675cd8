r"""Prompts and targets of a file as problems: any JSON Lines file will do. Knows no model and no grader.

{"prompt": "Where would you put a cup?\nA. sky\nB. shelf", "target": "Cups stand on shelves. \\boxed{B}", "answer": "B"}
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from interlat.data.games import GameSource, Split
from interlat.data.reasoning.boxed import last_box
from interlat.data.reasoning.loading import rows_of_file
from interlat.data.reasoning.problem import Grading, Problem
from interlat.data.trajectories import TaskRecord
from interlat.errors import GameDataNotFound, InvalidSetting


class PromptTargets(GameSource):
    r"""Rows of a .jsonl, .jsonl.gz or .json file.

    Args:
        path: of the training rows.
        prompt: field of what is asked.
        target: field of what is to be said.
        answer: field of the right answer; rows without it have the content of the target's last ``\boxed{}``, or the whole target.
        name: field of a row's own name; rows without it are named by their number.
        parts: field of a list of what each agent is shown, the one who answers last; rows without it show everything to all.
        grading: how answers are compared.
        only_correct: leave out rows whose target does not end in the right answer, boxed: traces that a model wrote, kept where it was
            right, as DiffMAS does for CommonsenseQA.
        test_path: rows of the split ``unseen``.
        seed: shuffles the order; None takes the file's.
    """

    def __init__(  # noqa: PLR0913 - names of a file's fields
        self,
        path: str,
        *,
        prompt: str = "prompt",
        target: str = "target",
        answer: str = "answer",
        name: str = "name",
        parts: str = "parts",
        grading: Grading = "text",
        only_correct: bool = False,
        test_path: str | None = None,
        seed: int | None = 0,
    ) -> None:
        self.path, self.test_path, self.seed = path, test_path, seed
        self.fields = {"prompt": prompt, "target": target, "answer": answer, "name": name, "parts": parts}
        self.grading, self.only_correct = grading, only_correct

    def games(self, split: Split, count: int | None) -> Sequence[Problem]:
        """The first problems of a split in a seeded order.

        Raises:
            InvalidSetting: if there is no such split.
            GameDataNotFound: if the file cannot be read, or a row lacks prompt or target.
        """
        problems = list(self._problems(self._file(split)))
        if self.seed is not None:
            random.Random(self.seed).shuffle(problems)
        return problems[:count]

    def identity(self) -> dict[str, object]:
        """The files' content, and what is read of it."""
        files = {}
        for path in (self.path, self.test_path):
            if path is not None and Path(path).is_file():
                with Path(path).open("rb") as file:
                    files[Path(path).name] = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        read = {"fields": self.fields, "grading": self.grading, "only_correct": self.only_correct, "seed": self.seed}
        return {"env": "prompt-targets", "files": files, **read}

    def record(self, games: Sequence[Any], max_explore_steps: int, seed: int) -> Iterator[TaskRecord]:
        """The problems as training of messages needs them."""
        return (problem.record() for problem in games)

    def _file(self, split: Split) -> Path:
        path = {"train": self.path, "unseen": self.test_path}.get(split)
        if path is None:
            raise InvalidSetting(f"'{self.path}' has no split '{split}'; give test_path for 'unseen', or take 'train'")
        return Path(path).expanduser()

    def _problems(self, path: Path) -> Iterator[Problem]:
        for number, row in rows_of_file(path):
            try:
                problem = self._problem(path, number, row)
            except (KeyError, TypeError) as error:
                raise GameDataNotFound(
                    f"row {number} of '{path}' has no text under {error}; it has the fields {', '.join(sorted(row))}; name the right ones"
                ) from error
            if not self.only_correct or _agree(last_box(problem.solution), str(problem.answer)):
                yield problem

    def _problem(self, path: Path, number: int, row: Mapping[str, Any]) -> Problem:
        fields = self.fields
        target = _text(row, fields["target"])
        answer = str(row[fields["answer"]]) if fields["answer"] in row else last_box(target)
        return Problem(
            game_id=f"{path.stem}/{row.get(fields['name'], number)}",
            task_type="all",
            question=_text(row, fields["prompt"]),
            solution=target,
            answer=target if answer is None else answer,
            grading=self.grading,
            parts=tuple(row.get(fields["parts"], ())),
        )


def _text(row: Mapping[str, Any], field: str) -> str:
    text = row[field]
    if not isinstance(text, str) or not text.strip():
        raise TypeError(field)
    return text


def _agree(said: str | None, answer: str) -> bool:
    return said is not None and said.strip().casefold() == answer.strip().casefold()
