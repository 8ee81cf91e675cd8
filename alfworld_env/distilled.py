"""A set of games in one small file, which lists them at once and loads any of them in about a millisecond; knows no engine.

The file is a zip archive, so that any tool can look into it and every part is checked when it is read:

    blocks/00000.jsonl  16 games whose rooms are alike: a line of tables, then a line for each game
    texts.json          the domain and the grammar the games share, the task line apart
    index.json          the games by the name of their set (id, split, kind of task, block, line), and where each block is

Games are kept so that both engines play them as they play the originals; see `compact_problem` for what is left out.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from alfworld_env.atomic_file import replacing
from alfworld_env.compact_problem import compact_problem
from alfworld_env.distilled_block import Block, CompactGame, Numbered, read_block, write_block
from alfworld_env.errors import AlfworldEnvError, GameDataNotFound, InvalidGame
from alfworld_env.games import Game, GameData, Split, TaskType

FORMAT = "alfworld-games"
VERSION = 1
GAMES_IN_BLOCK = 16  # half as many make the file 10 % larger, twice as many a game half as slow again to load
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can hold; equal games make equal files
_TASK = "Your task is to: "
_Stamp: TypeAlias = tuple[int, int, int]
_Row: TypeAlias = tuple[str, Split, TaskType, int, int]
_Extent: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class _Index:
    """What a file holds.

    Attributes:
        sets: (id, split, kind of task, block, line) of each game by the name of its set.
        blocks: Where each block is: offset and length in bytes, and the CRC-32 of what it inflates to.
    """

    sets: Mapping[str, tuple[_Row, ...]]
    blocks: tuple[_Extent, ...]


@dataclass(frozen=True)
class DistilledGame:
    """One game of a distilled file, still in it.

    Attributes:
        game_id: The name it has outside.
        split: The split it belongs to.
        task_type: The kind of task.
        path: The file.
        block: Number of the block it is in.
        line: Number of its line there, the first game being 0.
    """

    game_id: str
    split: Split
    task_type: TaskType
    path: Path
    block: int
    line: int

    def load(self) -> GameData:
        """Build the game; its problem is in canonical form.

        Raises:
            GameDataNotFound: The file is gone.
            InvalidGame: It is damaged, or another file has taken its place since the games were listed.
        """
        with _own_errors(self.path):
            stamp = _stamp(self.path)
            game = _block(self.path, stamp, self.block).game(self.line)
            if game.game_id != self.game_id:
                raise InvalidGame(f"{self.path} was replaced since its games were listed; list them again")
            domain, grammar = _texts(self.path, stamp)[game.texts]
            return GameData(
                problem=game.problem.text(),
                task=game.task,
                walkthrough=game.walkthrough,
                domain=domain,
                grammar=None if grammar is None else f"{_TASK}{game.task}".join(grammar),
            )


def write_distilled(sets: Mapping[str, Iterable[Game]], path: Path | str) -> None:
    """Write games to one file, which appears whole or not at all.

    Args:
        sets: Games by the name of their set, such as a split; they are listed by that name and in that order.
        path: The file.

    Raises:
        InvalidGame: A game cannot be read, cannot be kept without changing it, or is there twice.
    """
    texts = Numbered()
    listed: dict[str, list[Game]] = {}
    compact: dict[str, CompactGame] = {}
    for name, games in sets.items():
        listed[name] = []
        for game in games:
            if game.game_id in compact:
                raise InvalidGame(f"{game.game_id} is there twice; a distilled file holds every game once")
            compact[game.game_id] = _compact_game(game, texts)
            listed[name].append(game)
    # Games of one room say much the same, and a game is read with all of its block.
    order = sorted(compact.values(), key=lambda game: (_furniture(game), game.game_id))
    blocks = [order[start : start + GAMES_IN_BLOCK] for start in range(0, len(order), GAMES_IN_BLOCK)]
    place = {game.game_id: (block, line) for block, games in enumerate(blocks) for line, game in enumerate(games)}
    rows = {
        name: [(game.game_id, game.split, str(game.task_type), *place[game.game_id]) for game in games]
        for name, games in listed.items()
    }
    with replacing(Path(path)) as file, zipfile.ZipFile(file, "w") as archive:
        extents = [
            _add(archive, f"blocks/{number:05d}.jsonl", write_block(games)) for number, games in enumerate(blocks)
        ]
        _add(archive, "texts.json", _to_json([json.loads(text) for text in texts.texts()]))
        _add(archive, "index.json", _to_json({"format": FORMAT, "version": VERSION, "sets": rows, "blocks": extents}))


def list_distilled(path: Path | str) -> dict[str, list[Game]]:
    """The games of a distilled file by the name of their set, without reading any of them.

    Raises:
        GameDataNotFound: There is no such file.
        InvalidGame: It is damaged, of another kind, or of a later version.
    """
    path = Path(path)
    with _own_errors(path):
        index = _index(path, _stamp(path))
    return {name: [DistilledGame(*row[:3], path, *row[3:]) for row in rows] for name, rows in index.sets.items()}


def _compact_game(game: Game, texts: Numbered) -> CompactGame:
    data = game.load()
    grammar = None if data.grammar is None else data.grammar.split(f"{_TASK}{data.task}")
    number = texts.number(json.dumps([data.domain, grammar]))
    try:
        problem = compact_problem(data.problem)
    except InvalidGame as error:
        raise InvalidGame(f"{game.game_id}: {error}") from error
    return CompactGame(game.game_id, data.task, data.walkthrough, number, problem)


def _furniture(game: CompactGame) -> list[str]:
    return [thing.name for thing in game.problem.things if thing.pddl_type == "receptacle"]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> _Extent:
    entry = zipfile.ZipInfo(name, _EPOCH)
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return entry.header_offset + len(entry.FileHeader()), entry.compress_size, entry.CRC


def _to_json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


@contextmanager
def _own_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except AlfworldEnvError:
        raise
    except FileNotFoundError as error:
        raise GameDataNotFound(f"no file of distilled games at {path}; make one with `interlat-data distil`") from error
    except Exception as error:  # zipfile, zlib and json each have errors of their own for what is cut short or altered
        raise InvalidGame(
            f"{path} is not a whole file of distilled games ({type(error).__name__}: {error}); "
            "copy it again or make it anew with `interlat-data distil`"
        ) from error


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


# What was read is kept for as long as the file stays as it was: `stamp` is part of the key.


@lru_cache(maxsize=4)
def _index(path: Path, stamp: _Stamp) -> _Index:
    content = json.loads(_read(path, "index.json"))
    if content["format"] != FORMAT:
        raise InvalidGame(f"{path} is of the format {content['format']!r}, wanted {FORMAT!r}")
    if content["version"] > VERSION:
        raise InvalidGame(
            f"{path} is of version {content['version']} of its format and this release reads up to {VERSION}; "
            "install a later release, or make the file anew with `interlat-data distil`"
        )
    sets = {
        name: tuple((game_id, split, TaskType(kind), block, line) for game_id, split, kind, block, line in rows)
        for name, rows in content["sets"].items()
    }
    return _Index(sets, tuple((offset, size, check) for offset, size, check in content["blocks"]))


@lru_cache(maxsize=4)
def _texts(path: Path, stamp: _Stamp) -> tuple[tuple[str | None, list[str] | None], ...]:
    return tuple((domain, grammar) for domain, grammar in json.loads(_read(path, "texts.json")))


@lru_cache(maxsize=32)
def _block(path: Path, stamp: _Stamp, number: int) -> Block:
    # Not through zipfile, which would read the archive's whole directory for every block.
    offset, size, check = _index(path, stamp).blocks[number]
    with path.open("rb") as file:
        file.seek(offset)
        content = zlib.decompress(file.read(size), wbits=-zlib.MAX_WBITS)
    if zlib.crc32(content) != check:
        raise InvalidGame(f"block {number} of {path} is damaged; copy the file again or make it anew")
    return read_block(content)
