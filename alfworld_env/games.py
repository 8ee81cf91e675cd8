"""Which games there are and how one is read: ALFWorld's own files, without `traj_data.json`; knows no engine."""

import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args, runtime_checkable

from alfworld_env.errors import GameDataNotFound, InvalidGame

_log = logging.getLogger(__name__)

Split = Literal["train", "seen", "unseen"]
VALID_TRAIN = "valid_train"
"""Games of training tasks that ALFWorld holds out for validation; a set, but none of the splits results are given on."""


class TaskType(StrEnum):
    """The six kinds of task, by the names ALFWorld's folders use."""

    PICK_AND_PLACE = "pick_and_place_simple"
    LOOK_IN_LIGHT = "look_at_obj_in_light"
    CLEAN_AND_PLACE = "pick_clean_then_place_in_recep"
    HEAT_AND_PLACE = "pick_heat_then_place_in_recep"
    COOL_AND_PLACE = "pick_cool_then_place_in_recep"
    PICK_TWO = "pick_two_obj_and_place"


@dataclass(frozen=True)
class GameData:
    """Everything an engine needs to play one game.

    Attributes:
        problem: The PDDL problem.
        task: The sentence after "Your task is to: ", full stop included.
        walkthrough: Commands that solve the game.
        domain: The PDDL domain; only the textworld engine reads it, and takes ALFWorld's packaged one where it is None.
        grammar: The text grammar; as `domain`.
    """

    problem: str
    task: str
    walkthrough: tuple[str, ...]
    domain: str | None = None
    grammar: str | None = None


@runtime_checkable
class Game(Protocol):
    """A game that can be loaded: cheap to hold and to pickle."""

    @property
    def game_id(self) -> str:
        """A unique and stable name."""

    @property
    def split(self) -> Split:
        """The split the game belongs to."""

    @property
    def task_type(self) -> TaskType:
        """The kind of task."""

    def load(self) -> GameData:
        """Read or build what an engine needs."""


FOLDER_OF_SPLIT: dict[Split, str] = {"train": "train", "seen": "valid_seen", "unseen": "valid_unseen"}
GAMES_IN_SPLIT: dict[Split, int] = {"train": 3553, "seen": 140, "unseen": 134}
GAMES_IN_VALID_TRAIN = 200
GAME_FILE = "game.tw-pddl"
_RELEASE_FOLDER = "json_2.1.1"
_TASK_LINE = re.compile(r"Your task is to: (.*?)\"")
_HOW_TO_GET = (
    "Get the games with `alfworld-download` and point ALFWORLD_DATA at the folder that holds json_2.1.1, "
    "or at a file made by `interlat-data distil`."
)


@dataclass(frozen=True)
class FileGame:
    """One of ALFWorld's own games, still on disk."""

    game_id: str
    split: Split
    task_type: TaskType
    path: Path

    def load(self) -> GameData:
        """Read the file.

        Raises:
            GameDataNotFound: The file is gone.
            InvalidGame: It is truncated or not a game.
        """
        return read_game(self.path)


def read_game(path: Path | str) -> GameData:
    """Read one `game.tw-pddl`.

    Raises:
        GameDataNotFound: There is no such file.
        InvalidGame: The file is truncated, is not a game, or says that it cannot be solved.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GameDataNotFound(f"no game file at {path}. {_HOW_TO_GET}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidGame(f"{path} is not a whole JSON game file ({error}); fetch it again") from error
    return _checked(content, path)


def _checked(content: Any, path: Path) -> GameData:
    wanted: dict[str, type] = {"pddl_problem": str, "pddl_domain": str, "grammar": str, "walkthrough": list}
    if not isinstance(content, dict):
        raise InvalidGame(f"{path} holds a JSON {type(content).__name__}; an ALFWorld game is an object")
    wrong = [key for key, kind in wanted.items() if not isinstance(content.get(key), kind)]
    if wrong:
        raise InvalidGame(f"{path} lacks {', '.join(wrong)}; it has {sorted(content)}. Is it an ALFWorld 2.1.2 game?")
    if not all(isinstance(command, str) for command in content["walkthrough"]):
        raise InvalidGame(f"the walkthrough in {path} must be a list of commands, got {content['walkthrough']!r:.200}")
    if content.get("solvable") is False:
        raise InvalidGame(f"{path} is marked unsolvable; leave it out")
    task = _TASK_LINE.search(content["grammar"])
    if task is None:
        raise InvalidGame(f"the grammar in {path} has no line 'Your task is to: ...', so the game has no task")
    return GameData(
        problem=content["pddl_problem"],
        task=task.group(1),
        walkthrough=tuple(content["walkthrough"]),
        domain=content["pddl_domain"],
        grammar=content["grammar"],
    )


def data_root(root: Path | str | None = None) -> Path:
    """The folder that holds the split folders, or the file of distilled games.

    Args:
        root: That folder, its parent, or that file; by default `ALFWORLD_DATA`, then ALFWorld's own default.

    Raises:
        GameDataNotFound: It is none of these.
    """
    base = Path(root or os.environ.get("ALFWORLD_DATA") or Path.home() / ".cache" / "alfworld")
    if base.is_file():
        return base
    for candidate in (base / _RELEASE_FOLDER, base):
        if any((candidate / folder).is_dir() for folder in (*FOLDER_OF_SPLIT.values(), VALID_TRAIN)):
            return candidate
    raise GameDataNotFound(f"no ALFWorld split folder (train, valid_seen, valid_unseen) under {base}. {_HOW_TO_GET}")


def list_games(split: Split, root: Path | str | None = None) -> list[Game]:
    """All games of a split, without reading them: sorted by id, or as they were put into a distilled file.

    Args:
        split: "train", "seen" or "unseen".
        root: The data folder or a distilled file; by default `ALFWORLD_DATA`.

    Returns:
        3553, 140 or 134 games for a complete set of ALFWorld's; another number is logged as a warning.

    Raises:
        ValueError: There is no such split.
        GameDataNotFound: There is no game of that split.
        InvalidGame: The distilled file is damaged.
    """
    if split not in get_args(Split):
        raise ValueError(f"unknown split {split!r}; use one of {', '.join(get_args(Split))}")
    place = data_root(root)
    games = _listed(place, split)
    if not games:
        where = place if place.is_file() else place / FOLDER_OF_SPLIT[split]
        raise GameDataNotFound(f"no {split} game of a known task type in {where}. {_HOW_TO_GET}")
    published = published_size(split, games)
    if published is not None and len(games) != published:
        _log.warning("%s has %d games; the published %s split has %d", place, len(games), split, published)
    return games


def game_sets(root: Path | str | None = None) -> dict[str, list[Game]]:
    """Every set of games there is: the splits, `VALID_TRAIN`, and whatever else a distilled file holds.

    Args:
        root: As for `list_games`.

    Raises:
        GameDataNotFound: There is neither folder nor file.
        InvalidGame: The distilled file is damaged.
    """
    place = data_root(root)
    if place.is_file():
        return _distilled(place)
    found = {name: _listed(place, name) for name in (*get_args(Split), VALID_TRAIN)}
    return {name: games for name, games in found.items() if games}


def published_size(name: str, games: Sequence[Game]) -> int | None:
    """How many games a set of ALFWorld's has when complete; None where these games are not ALFWorld's."""
    folder = VALID_TRAIN if name == VALID_TRAIN else FOLDER_OF_SPLIT.get(cast(Split, name))
    if folder is None or not any(game.game_id.startswith(f"{folder}/") for game in games):
        return None
    return GAMES_IN_VALID_TRAIN if name == VALID_TRAIN else GAMES_IN_SPLIT[cast(Split, name)]


def _listed(place: Path, name: str) -> list[Game]:
    if place.is_file():
        return _distilled(place).get(name, [])
    split = cast(Split, "train" if name == VALID_TRAIN else name)
    folder = VALID_TRAIN if name == VALID_TRAIN else FOLDER_OF_SPLIT[split]
    found = (_file_game(path, split) for path in (place / folder).glob(f"*/*/{GAME_FILE}"))
    return sorted((game for game in found if game is not None), key=lambda game: game.game_id)


def _distilled(path: Path) -> dict[str, list[Game]]:
    # Imported here because what can be distilled are games, which are this module's.
    from alfworld_env.distilled import list_distilled

    return list_distilled(path)


def _file_game(path: Path, split: Split) -> FileGame | None:
    trial, task_folder = path.parent.name, path.parent.parent.name
    kind = task_folder.partition("-")[0]
    # ALFWorld's own loader leaves sliced and movable-receptacle tasks out; the latter are no TaskType.
    if kind not in set(TaskType) or "Sliced" in task_folder:
        return None
    return FileGame(f"{path.parents[2].name}/{task_folder}/{trial}", split, TaskType(kind), path)
