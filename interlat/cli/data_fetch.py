"""Downloads ALFWorld's games by the names and the code of its own `alfworld-download`; knows nothing of what is in them."""

import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from alfworld_env.games import game_sets, published_size
from interlat.cli.data_sets import REQUIRED_SETS, verify
from interlat.errors import GameDataNotFound, InvalidSetting

SCRIPT = "alfworld-download"
RELEASE_FOLDER = "json_2.1.1"


def fetch(data_dir: Path | None, everything: bool, force: bool, mirror: str | None) -> None:
    """Download the games where they are not complete, then verify them.

    Args:
        data_dir: where to; None takes ``ALFWORLD_DATA``, else ALFWorld's own default.
        everything: all that `alfworld-download` gets, rather than the games alone.
        force: download and unpack even what is there.
        mirror: another address of the zip of games.

    Raises:
        GameDataNotFound: the download did not work out, or what came is not the published set.
        InvalidSetting: the target is a file, or a mirror of everything is asked for.
    """
    folder = data_dir or Path(os.environ.get("ALFWORLD_DATA") or Path.home() / ".cache" / "alfworld")
    if folder.name == RELEASE_FOLDER:  # the zip holds this folder
        folder = folder.parent
    if folder.is_file():
        raise InvalidSetting(f"{folder} is a file; name the folder to download to with --data-dir")
    if everything and mirror:
        raise InvalidSetting("--mirror has the games only; leave out --everything")
    if is_complete(folder) and not (everything or force):
        print(f"The games are in {folder} already; --force downloads them again.")
    elif everything:
        _run_script(folder, force)
    else:
        _download_games(folder, force, mirror)
    verify(folder)


def is_complete(folder: Path) -> bool:
    """Whether as many games as were published lie in a folder; they are not read."""
    try:
        sets = game_sets(folder)
    except FileNotFoundError:
        return False
    return all(name in sets and len(sets[name]) == published_size(name, sets[name]) for name in REQUIRED_SETS)


def _script() -> Path:
    try:
        files = distribution("alfworld").files or []
    except PackageNotFoundError as error:
        raise GameDataNotFound(
            f"fetching runs ALFWorld's own {SCRIPT}, which is not installed; "
            "pip install 'interlat[alfworld]', or play household games, which need none"
        ) from error
    places = [Path(str(file.locate())).resolve() for file in files if file.stem == SCRIPT]
    places += [Path(found) for found in [shutil.which(SCRIPT)] if found]
    if not places:
        raise GameDataNotFound(f"the installed alfworld has no {SCRIPT}; pip install --force-reinstall alfworld")
    return places[0]


def _run_script(folder: Path, force: bool) -> None:
    command = [sys.executable, str(_script()), "--data-dir", str(folder), *(["--force"] if force else [])]
    if subprocess.run(command, check=False, env={**os.environ, "ALFWORLD_DATA": str(folder)}).returncode != 0:
        raise GameDataNotFound(f"{' '.join(command)} failed, see above; {_advice(folder)}")


def _download_games(folder: Path, force: bool, mirror: str | None) -> None:
    with _alfworld_data(folder):
        names: dict[str, Any] = runpy.run_path(str(_script()), run_name="alfworld_download")
    url = mirror or names["TW_PDDL_FILES_URL"]
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {url} to {folder}")
    try:
        archive = Path(names["download"](url, dst=str(folder), force=force))
    except (OSError, ValueError, TypeError) as error:  # TypeError: a server that does not tell a length
        raise GameDataNotFound(f"cannot fetch {url} ({error}); {_advice(folder)}") from error
    try:
        names["unzip"](str(archive), dst=str(folder), force=force)
    except zipfile.BadZipFile as error:
        raise GameDataNotFound(f"what came from {url} is no zip archive ({error}); {_advice(folder)}") from error
    finally:
        archive.unlink(missing_ok=True)


def _advice(folder: Path) -> str:
    return (
        "check the network and HTTPS_PROXY and run the command again, or name a copy with --mirror, or unpack the zip "
        f"in {folder} by hand and run interlat-data verify --root {folder}; household games need no download"
    )


@contextmanager
def _alfworld_data(folder: Path) -> Iterator[None]:
    """ALFWorld makes the folder this variable names when it is imported; let that be the one that is wanted anyway."""
    given = os.environ.get("ALFWORLD_DATA")
    os.environ["ALFWORLD_DATA"] = str(folder)
    try:
        yield
    finally:
        if given is None:
            del os.environ["ALFWORLD_DATA"]
        else:
            os.environ["ALFWORLD_DATA"] = given
