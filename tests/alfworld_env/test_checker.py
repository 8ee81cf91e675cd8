import pytest

from alfworld_env import AlfworldEnv, check_env
from alfworld_env.checker import ContractBroken


class Broken:
    """A sound environment with one answer changed."""

    def __init__(self, data, change):
        self.env, self.change = AlfworldEnv(data), change

    def reset(self):
        return self.env.reset()

    def step(self, command):
        return self.change(*self.env.step(command))


def test_the_library_own_environment_keeps_the_contract(kitchen):
    for kind in ("place", "two", "look", "clean", "heat", "cool"):
        check_env(lambda kind=kind: AlfworldEnv(kitchen(kind)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text, reward, won, cut, info: (text, reward, won or cut, info), "five-tuple"),
        (lambda text, reward, won, cut, info: (text, int(reward), won, cut, info), "float reward"),
        (lambda text, reward, won, cut, info: (text, 0.0, won, cut, info), "reward 1.0"),
        (lambda text, reward, won, cut, info: (text, reward, False, cut, info), "end the episode"),
        (lambda text, reward, won, cut, info: (text, reward, won, cut, {"won": won}), "admissible_commands"),
        (lambda text, reward, won, cut, info: (text, reward, won, cut, info | {"steps": 0}), "steps"),
    ],
)
def test_each_breach_is_named(kitchen, change, message):
    with pytest.raises(ContractBroken, match=message):
        check_env(lambda: Broken(kitchen(), change))


def test_an_environment_that_answers_differently_each_time_is_caught(kitchen):
    count = iter(range(10_000))
    with pytest.raises(ContractBroken, match="same answers"):
        check_env(lambda: Broken(kitchen(), lambda text, *rest: (f"{text} {next(count)}", *rest)))
