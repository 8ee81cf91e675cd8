"""Importing and playing leave the process and the home folder alone: each case in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import alfworld_env

ROOT = Path(alfworld_env.__file__).parent.parent
# Runs before and after what is tested, in a process whose arguments, folder and variables are ours.
BEFORE = """
import os, sys
argv, environment, folder, stdout, path = list(sys.argv), dict(os.environ), os.getcwd(), sys.stdout, list(sys.path)
"""
AFTER = """
assert sys.argv == argv, sys.argv
assert dict(os.environ) == environment, set(os.environ.items()) ^ set(environment.items())
assert os.getcwd() == folder
assert sys.stdout is stdout
assert sys.path == path
print("done", *sorted({"textworld", "alfworld", "torch", "fast_downward", "jericho", "rich", "numpy"} & set(sys.modules)))
"""
PLAY = """
from alfworld_env import AlfworldEnv, InvalidGame, household_games
data = household_games("unseen", 1)[0].load()
env = AlfworldEnv(data, engine={engine!r}, max_steps=20)
observation, info = env.reset()
for command in info["walkthrough"]:
    env.step(command)
assert env.engine.won
env.close()
try:
    AlfworldEnv(type(data)(data.problem.replace("agent1 - agent", ""), data.task, data.walkthrough), engine={engine!r}).reset()
except InvalidGame:
    pass
"""


@pytest.fixture
def child(tmp_path):
    """Run Python code in an empty home; gives what it printed and checks that it left no file anywhere it could."""

    def run(code, **variables):
        folders = {name: tmp_path / name for name in ("home", "work", "temporary")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["temporary"]),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", f"{BEFORE}{code}{AFTER}", "--flag", "value"],
            env=environment,
            cwd=folders["work"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert {name: sorted(folder.rglob("*")) for name, folder in folders.items()} == {name: [] for name in folders}
        first, *modules = done.stdout.split()
        assert first == "done"
        return modules

    return run


def test_importing_does_nothing_and_needs_nothing(child):
    assert child("import alfworld_env") == []


def test_every_public_name_can_be_had_without_the_extras(child):
    assert "textworld" not in child(
        "import alfworld_env\nfor name in alfworld_env.__all__: getattr(alfworld_env, name)"
    )


def test_playing_on_the_native_engine_leaves_nothing_behind(child):
    assert not {"textworld", "alfworld", "torch"} & set(child(PLAY.format(engine="native")))


@pytest.mark.parametrize("data", [None, "nowhere"])
def test_playing_on_textworld_leaves_nothing_behind(child, tmp_path, data):
    pytest.importorskip("textworld", reason="the alfworld extra is not installed")
    pytest.importorskip("fast_downward", reason="the alfworld extra is not installed")
    variables = {} if data is None else {"ALFWORLD_DATA": str(tmp_path / data)}
    modules = child(PLAY.format(engine="textworld"), **variables)
    assert {"textworld", "alfworld"} <= set(modules)
    assert "torch" not in modules
    assert not (tmp_path / "nowhere").exists()
