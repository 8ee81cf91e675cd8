"""Games that others have played, to learn from instead of walkthroughs: ETO's file, as papers use, or recordings."""

import hashlib
from pathlib import Path

from interlat.data.trajectories import Turns


def load_demonstrations(source: str) -> dict[str, Turns]:
    """The steps of every game that was won, by the game's id; of several for one game the first.

    Args:
        source: ETO's data set by its name on the hub or by path, or a file that `interlat-data record` wrote (.jsonl).

    Raises:
        GameDataNotFound: There is no such file, or the hub is not within reach.
        InvalidTrajectory: A recorded line is malformed. Malformed games of ETO's file are left out with a warning.
    """
    from alfworld_env import read_eto, read_trajectories

    played = read_trajectories(source) if source.endswith(".jsonl") else read_eto(source, skip_malformed=True)
    steps: dict[str, Turns] = {}
    for game in played:
        if game.won:
            steps.setdefault(game.game_id, tuple((turn.thought, turn.action, turn.observation) for turn in game.turns))
    return steps


def demonstrations_identity(source: str) -> str:
    """What tells two sources apart: the content of a file, the name of a data set."""
    path = Path(source)
    if not path.is_file():
        return source
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
