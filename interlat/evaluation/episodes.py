"""Episodes as they are kept: one JSON line each, in a folder that holds one protocol and survives being killed.

    settings.json     what decides the numbers; a folder never mixes two of them
    episodes.jsonl    one line an episode, written the moment it ends

Knows no policy and no game.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from interlat.errors import InterlatError
from interlat.evaluation.conditions import Condition

SETTINGS_FILE = "settings.json"
EPISODES_FILE = "episodes.jsonl"


class EpisodesMismatch(InterlatError, ValueError):  # noqa: N818  # named after what is wrong, as all errors here
    """Raised when a folder of episodes is damaged, or of other settings than the ones asked for."""


@dataclass(frozen=True)
class EpisodeRecord:
    """One game played to its end.

    Args:
        game_id: the game.
        task_type: its kind of task.
        message: kind of message.
        length: latents asked for, or as a float below 1 the share of them; None is the full message.
        control: what was done to the message on its way.
        run: which repetition, from 0.
        seed: of this run.
        won: whether the goal was reached within the step cap.
        steps: commands carried out.
        observations: the opening and the answer to every command; one more than ``actions``.
        actions: the commands.
        invalid_actions: how many of them the game did not understand.
        message_seconds: time to make the message.
        output_tokens: tokens generated for all actions.
        accounts: what each agent spent, in order, as the fields of an ``AgentAccount``; empty where nobody counts.
        texts: what other agents wrote, by name; empty where no words travel.
        grading: how an answer was compared with the right one; empty where nothing was answered, or by a version that kept it not.
        token_nll: −log p of each token of an answer, the stop token's too, in nats; empty where nobody measured.
        token_entropies: entropies of the next-token distributions that they were chosen from, in nats.
    """

    game_id: str
    task_type: str
    message: str
    length: int | float | None
    control: str | None
    run: int
    seed: int
    won: bool
    steps: int
    observations: tuple[str, ...]
    actions: tuple[str, ...]
    invalid_actions: int
    message_seconds: float
    output_tokens: int
    accounts: tuple[Mapping[str, Any], ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    grading: str = ""
    token_nll: tuple[float, ...] = ()
    token_entropies: tuple[float, ...] = ()

    @property
    def condition(self) -> str:
        """The condition's name."""
        return Condition(self.message, self.length, self.control).name

    @property
    def key(self) -> tuple[str, int, str]:
        """What may be played once in a folder: condition, run, game."""
        return self.condition, self.run, self.game_id


class EpisodeStore:
    """A folder of episodes, open for more.

    Args:
        folder: made with the first episode if it is not there.
        settings: what decides the numbers, JSON values only.
        resume: whether episodes that are already there are wanted; otherwise their presence is an error.

    Raises:
        EpisodesMismatch: if there are episodes and ``resume`` is False, if they were played under other settings, or if
            a line other than the last cannot be read. Nothing is changed then.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], resume: bool = False) -> None:
        self.folder = folder
        self.records: list[EpisodeRecord] = []
        self._settings = json.loads(json.dumps(settings))
        if (folder / SETTINGS_FILE).exists() or (folder / EPISODES_FILE).exists():
            self._check(self._settings, resume)
            self.records = read_episodes(folder)
            self._drop_torn_line()
        self.keys = {record.key for record in self.records}

    def append(self, record: EpisodeRecord) -> None:
        """Keep an episode; it is in the file when this returns."""
        if not (self.folder / SETTINGS_FILE).exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / SETTINGS_FILE).write_text(json.dumps(self._settings, indent=2) + "\n", encoding="utf-8")
        with (self.folder / EPISODES_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")
        self.records.append(record)
        self.keys.add(record.key)

    def _check(self, wanted: Mapping[str, Any], resume: bool) -> None:
        if not resume:
            raise EpisodesMismatch(
                f"{self.folder} already holds an evaluation; add --resume to go on with it, or choose another --out"
            )
        there = read_settings(self.folder)
        differences = [
            f"{name}: {there.get(name)!r} there, {wanted.get(name)!r} asked for"
            for name in sorted(there.keys() | wanted.keys())
            if there.get(name) != wanted.get(name)
        ]
        if differences:
            raise EpisodesMismatch(
                f"{self.folder} holds an evaluation of other settings ({'; '.join(differences)}); "
                "ask for the same ones to go on with it, or choose another --out"
            )

    def _drop_torn_line(self) -> None:
        path = self.folder / EPISODES_FILE
        whole, end = _whole_part(path)
        if path.exists() and end != len(whole):
            with path.open("r+b") as file:
                file.truncate(end)


def read_settings(folder: Path) -> dict[str, Any]:
    """What the episodes of a folder were played under.

    Raises:
        EpisodesMismatch: if the folder holds no settings.
    """
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EpisodesMismatch(
            f"{folder} has no readable {SETTINGS_FILE} ({error}), so it is no folder of `interlat-eval --out`; name one"
        ) from error
    return dict(settings)


def read_episodes(folder: Path) -> list[EpisodeRecord]:
    """The episodes of a folder; a last line that was cut off by a kill is left out.

    Raises:
        EpisodesMismatch: if any other line cannot be read.
    """
    path = folder / EPISODES_FILE
    content, end = _whole_part(path)
    return [_record(line, path, number) for number, line in enumerate(content[:end].splitlines(), start=1)]


def _whole_part(path: Path) -> tuple[bytes, int]:
    """All bytes, and how many of them are whole lines: a line is written with its end, so one without is torn."""
    content = path.read_bytes() if path.exists() else b""
    return content, content.rfind(b"\n") + 1


def _record(line: bytes, path: Path, number: int) -> EpisodeRecord:
    try:
        values = json.loads(line)
        known = {each.name for each in fields(EpisodeRecord)}
        may_lack = {each.name for each in fields(EpisodeRecord) if each.default is not MISSING} | {"texts"}
        wrong = (values.keys() - known) | (known - may_lack - values.keys())
        if wrong:
            raise ValueError(f"keys {sorted(wrong)} are missing or unknown")
        for name in ("observations", "actions", "accounts", "token_nll", "token_entropies"):
            values[name] = tuple(values.get(name, ()))
        return EpisodeRecord(**values)
    except (ValueError, AttributeError, TypeError) as error:
        raise EpisodesMismatch(
            f"{path} line {number} is no episode ({error}); the file was changed by hand or by another version: "
            "evaluate again into another folder"
        ) from error
