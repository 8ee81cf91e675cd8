import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import types

import pytest

from alfworld_env import GameData, InvalidGame, ResetNeeded, VectorAlfworldEnv, worker_pool
from alfworld_env.slots import SlotFailed


class Evaluated:
    """A game that is what an expression gives in the process that unpickles it, so that a worker can be made to act."""

    def __init__(self, expression, game=None):
        self.game_id = f"mine/{expression[:20]}"
        self.expression = f"({expression}, __import__('pickle').loads({pickle.dumps(game)!r}))[-1]"

    def __reduce__(self):
        return eval, (self.expression,)


def gone(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def two(kitchen):
    with VectorAlfworldEnv([kitchen("place"), kitchen("look"), kitchen("two")], 2, max_steps=3, num_processes=2) as env:
        yield env


def test_close_ends_the_workers(two):
    workers = two.process_ids
    assert len(set(workers)) == 2
    assert not any(gone(worker) for worker in workers)
    two.reset()
    two.close()
    two.close()
    assert two.process_ids == []
    assert all(gone(worker) for worker in workers)


def test_a_worker_killed_between_steps_is_an_error_that_names_its_games(two):
    two.reset()
    workers = two.process_ids
    os.kill(workers[1], signal.SIGKILL)
    with pytest.raises(SlotFailed, match=r"worker process 1 \(slot 1: games\[1\]\), but it was killed by signal 9"):
        two.step(["look", "look"])
    assert all(gone(worker) for worker in workers)
    with pytest.raises(ResetNeeded):
        two.step(["look", "look"])
    with pytest.raises(SlotFailed, match="make a new environment"):
        two.reset()


def test_a_worker_killed_in_the_middle_of_a_step_is_an_error(two):
    two.reset()
    workers = two.process_ids
    os.kill(workers[0], signal.SIGSTOP)  # so that it cannot answer before it dies
    timer = threading.Timer(0.2, os.kill, (workers[0], signal.SIGKILL))
    timer.start()
    with pytest.raises(SlotFailed, match=r"worker process 0 \(slot 0: games\[0\]\)"):
        two.step(["look", "look"])
    timer.join()
    assert all(gone(worker) for worker in workers)


def test_a_game_that_ends_its_worker_is_an_error(kitchen):
    env = VectorAlfworldEnv([kitchen(), Evaluated("__import__('os')._exit(3)")], 1, max_steps=1, num_processes=1)
    env.reset()
    with pytest.raises(SlotFailed, match=r"slot 0: mine/__import__.* ended with exit code 3"):
        env.step(["look"])
    assert env.process_ids == []


def test_a_broken_game_in_a_worker_is_named_and_the_workers_live_on(kitchen):
    games = [kitchen(), kitchen("two"), GameData("(define", "do.", ())]
    with VectorAlfworldEnv(games, 2, max_steps=1, num_processes=2) as env:
        first = env.reset()
        with pytest.raises(InvalidGame, match=r"game games\[2\] in slot 0: .*cut short") as raised:
            env.step(["look", "look"])
        assert "In the worker process:\nTraceback" in raised.value.__notes__[0]
        assert env.reset() == first


def test_a_game_that_cannot_travel_is_named(kitchen, monkeypatch):
    here = types.ModuleType("only_here")
    here.Mine = type("Mine", (), {"__module__": "only_here", "game_id": "mine/1"})
    monkeypatch.setitem(sys.modules, "only_here", here)
    with (
        VectorAlfworldEnv([kitchen(), here.Mine()], num_processes=1) as env,
        pytest.raises(SlotFailed, match=r"game mine/1 in slot 1 raised ModuleNotFoundError"),
    ):
        env.reset()
    nameless = type("Nameless", (), {"game_id": "mine/2"})()
    with (
        VectorAlfworldEnv([nameless], num_processes=1) as env,
        pytest.raises(SlotFailed, match=r"game mine/2 for slot 0 does not pickle"),
    ):
        env.reset()


def test_what_a_game_prints_does_not_disturb_the_answers(kitchen, capfd):
    loud = Evaluated("print('loud', flush=True), __import__('os').system('echo louder')", kitchen())
    with VectorAlfworldEnv([loud], num_processes=1) as env, VectorAlfworldEnv([kitchen()]) as quiet:
        assert env.reset()[0] == quiet.reset()[0]
        assert env.step(["look"])[0] == quiet.step(["look"])[0]
    out, err = capfd.readouterr()
    assert (out, err) == ("", "loud\nlouder\n")


@pytest.fixture
def interruptible():
    """Jobs that a shell starts in the background are told to ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_in_the_middle_of_a_step_leaves_no_worker_however_busy(kitchen, monkeypatch, interruptible):
    monkeypatch.setattr(worker_pool, "_GRACE", 0.1)
    busy = Evaluated("__import__('os').kill(__import__('os').getppid(), 2), __import__('time').sleep(60)", kitchen())
    env = VectorAlfworldEnv([kitchen(), busy], 1, max_steps=1, num_processes=1)
    env.reset()
    workers = env.process_ids
    with pytest.raises(KeyboardInterrupt):
        env.step(["look"])
    assert all(gone(worker) for worker in workers)
    with pytest.raises(ResetNeeded):
        env.step(["look"])


def test_workers_cannot_be_pickled(two):
    with pytest.raises(TypeError, match="num_processes=0"):
        pickle.dumps(two)


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [
        ("", 0),
        ("raise ValueError", 1),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.killpg(0, 2)", -2),  # as Ctrl-C does, workers included
    ],
)
def test_no_worker_outlives_a_script_without_a_main_guard(end, exit_code, tmp_path, interruptible):
    script = tmp_path / "script.py"
    text = f"""
        from alfworld_env import VectorAlfworldEnv, household_games
        env = VectorAlfworldEnv(household_games("unseen", 2), num_processes=2)
        env.reset()
        env.step(["look", "look"])
        print(*env.process_ids)
        import sys; sys.stdout.flush()
        {end}
    """
    script.write_text(textwrap.dedent(text))
    # Workers share the script's standard error, so waiting for its end waits for all of them.
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False, start_new_session=True
    )
    assert (ended.returncode, len(ended.stdout.split())) == (exit_code, 2), ended.stderr
    assert "alfworld_env/worker" not in ended.stderr


def test_a_worker_does_not_load_what_the_caller_has_loaded(kitchen):
    assert "torch" in sys.modules
    game = Evaluated("sorted(__import__('sys').modules).index('torch')", kitchen())
    with (
        VectorAlfworldEnv([game], num_processes=1) as env,
        pytest.raises(SlotFailed, match="ValueError: 'torch' is not in list"),
    ):
        env.reset()
