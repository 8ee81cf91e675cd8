"""A folder that one process holds is refused to others, and free again once that process has ended, however it ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from interlat.errors import FolderInUse
from interlat.exclusive import exclusive

HOLDER = """
import sys, time
from pathlib import Path
from interlat.exclusive import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_held_by_a_process_is_refused_until_it_is_killed(tmp_path: Path):
    folder = tmp_path / "checkpoints" / "stage1"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse, match=r"wanted '.*stage1' for this run alone, but another"), exclusive(folder):
            pass
        with exclusive(folder.with_name("stage2")):
            pass
        holder.kill()
    with exclusive(folder):
        assert not folder.exists()  # holding a folder does not make it
    assert list(folder.parent.iterdir()) == []


def test_one_folder_under_two_names_is_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    with exclusive(Path("real")):
        for name in ("link", "real/", "./real", str(tmp_path / "real")):
            with pytest.raises(FolderInUse), exclusive(Path(name)):
                pass


def test_an_error_lets_go(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "run"):
        raise ZeroDivisionError
    with exclusive(tmp_path / "run"):
        pass


def test_nothing_is_left_where_nothing_was_written(tmp_path: Path):
    with exclusive(tmp_path / "a" / "b" / "run"):
        pass
    assert list(tmp_path.iterdir()) == []
    with exclusive(tmp_path / "a" / "b" / "run"):
        (tmp_path / "a" / "b" / "run").mkdir()
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "run"]
