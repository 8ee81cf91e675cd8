"""Reads ETO's expert games (`agent-eto/eto-sft-trajectory`, `data/alfworld_sft.json`), which papers train on; knows no engine.

They were recorded with an earlier ALFWorld and say `put X in/on Y` where the games now say `move X to Y`, and not where one
arrives. Here they are worded as this package's games answer. ETO kept games that were won, so all count as won.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from alfworld_env.errors import GameDataNotFound
from alfworld_env.games import FOLDER_OF_SPLIT, VALID_TRAIN, Split, TaskType
from alfworld_env.observation import canonical_command, strip_banner, task_of
from alfworld_env.trajectories import Trajectory, Turn
from alfworld_env.trajectory_file import InvalidTrajectory
from alfworld_env.wording import NOTHING_HAPPENS

ETO = "agent-eto/eto-sft-trajectory"
ETO_FILE = "data/alfworld_sft.json"

_log = logging.getLogger(__name__)
_SPLIT_OF_FOLDER: dict[str, Split] = {folder: split for split, folder in FOLDER_OF_SPLIT.items()} | {
    VALID_TRAIN: "train"
}
_ANSWER = re.compile(r"(?:Thought:(?P<thought>.*?))?\bAction:\s*(?P<action>[^\n]+)", re.DOTALL)
_ARRIVAL = re.compile(r"You arrive at (?:loc \d+|[a-z]+ \d+)\. ")
_PUTTING = re.compile(r"You put the (.+) in/on the (.+)\.")
_ROLES = {"human": "game", "user": "game", "gpt": "player", "assistant": "player"}


def read_eto(source: Path | str = ETO, skip_malformed: bool = False) -> Iterator[Trajectory]:
    """ETO's games, one at a time.

    Args:
        source: The file, or the name of the data set on Hugging Face; that needs `huggingface_hub`, and a network the
            first time.
        skip_malformed: Log and leave out what is not in the form, instead of ending with an error.

    Yields:
        Games in the order of the file, `source` being "eto". The answer to the last action is often not recorded and
        then worded here if it follows from the action, else empty.

    Raises:
        GameDataNotFound: There is neither such a file nor such a data set within reach.
        InvalidTrajectory: The file is not a list of games, or one of them is malformed; the message has its index.
    """
    path = _local(source)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidTrajectory(f"{path} is not a whole JSON file ({error}); fetch it again") from error
    if not isinstance(entries, list):
        raise InvalidTrajectory(f"wanted a list of games in {path}, got a JSON {type(entries).__name__}")
    for index, entry in enumerate(entries):
        try:
            yield read_entry(entry)
        except InvalidTrajectory as error:
            message = f"entry {index} of {path}: {error}"
            if not skip_malformed:
                raise InvalidTrajectory(f"{message}; mend it, or pass skip_malformed=True") from error
            _log.warning("left out %s", message)


def read_entry(entry: Any) -> Trajectory:
    """One game of ETO's file.

    Args:
        entry: An object with "game_file" and "conversations": an instruction, "OK", the room and the task, and then
            "Thought: … Action: …" and "Observation: …" in turn.

    Raises:
        InvalidTrajectory: It is not in this form.
    """
    if not isinstance(entry, dict):
        raise InvalidTrajectory(f"wanted an object, got {entry!r:.80}")
    game_id, split, task_type = _identity(entry.get("game_file"))
    turns = _conversation(entry.get("conversations"))
    if len(turns) < 4:
        raise InvalidTrajectory(f"wanted an instruction, an answer, a task and actions, got {len(turns)} turns")
    opening = strip_banner(turns[2].removeprefix("Observation:").strip())
    try:
        task = task_of(opening)
    except ValueError as error:
        raise InvalidTrajectory(f"the third turn tells no task: {error}") from error
    steps = tuple(
        _turn(answer, observation) for answer, observation in zip_longest(turns[3::2], turns[4::2], fillvalue="")
    )
    return Trajectory(game_id, split, str(task_type), task, opening, steps, won=True, source="eto")


def _local(source: Path | str) -> Path:
    if Path(source).exists():
        return Path(source)
    if str(source) != ETO:
        raise GameDataNotFound(f"no file at {source}; give the path of ETO's alfworld_sft.json, or the name {ETO}")
    advice = f"fetch {ETO_FILE} of {ETO} on a machine with a network and give its path"
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise GameDataNotFound(f"{ETO} is on Hugging Face: pip install huggingface_hub, or {advice}") from error
    try:
        return Path(hf_hub_download(ETO, ETO_FILE, repo_type="dataset"))
    except OSError as error:  # what this client raises when offline, refused or told no derives from it
        raise GameDataNotFound(f"cannot get {ETO_FILE} of {ETO} ({error}); {advice}") from error


def _identity(game_file: Any) -> tuple[str, Split, TaskType]:
    parts = re.split(r"[/\\]", game_file) if isinstance(game_file, str) else []
    for place, folder in enumerate(parts[:-2]):
        kind = parts[place + 1].partition("-")[0]
        if folder in _SPLIT_OF_FOLDER and kind in set(TaskType):
            return "/".join(parts[place : place + 3]), _SPLIT_OF_FOLDER[folder], TaskType(kind)
    raise InvalidTrajectory(f"wanted a game_file such as json_2.1.1/train/<task>/<trial>, got {game_file!r:.200}")


def _conversation(turns: Any) -> Sequence[str]:
    """What is said, checked to be said in turn, the game beginning."""
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise InvalidTrajectory(f"wanted conversations to be a list of objects, got {turns!r:.80}")
    said = []
    for number, turn in enumerate(turns):
        role, text = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
        wanted = "player" if number % 2 else "game"
        if not isinstance(text, str) or _ROLES.get(str(role)) != wanted:
            raise InvalidTrajectory(f"wanted turn {number} to be text of the {wanted}, got {turn!r:.120}")
        said.append(text)
    return said


def _turn(answer: str, observation: str) -> Turn:
    found = _ANSWER.search(answer)
    if found is None:
        raise InvalidTrajectory(f"wanted 'Thought: … Action: …', got {answer!r:.120}")
    action = canonical_command(found["action"])
    seen = observation.removeprefix("Observation:").strip()
    return Turn((found["thought"] or "").strip(), action, _reworded(action, seen))


def _reworded(action: str, observation: str) -> str:
    """What the games answer now, for what an earlier release answered."""
    verb, _, rest = action.partition(" ")
    if not observation:
        thing, _, place = rest.partition(" to ")
        return {"move": f"You move the {thing} to the {place}.", "use": f"You turn on the {rest}."}.get(verb, "")
    if action.startswith("go to ") and observation != NOTHING_HAPPENS:
        return f"You arrive at {action.removeprefix('go to ')}. {_ARRIVAL.sub('', observation, count=1)}"
    return _PUTTING.sub(r"You move the \1 to the \2.", observation) if verb == "move" else observation
