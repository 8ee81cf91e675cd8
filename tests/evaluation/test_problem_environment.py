"""A problem is a game of one step: every answer ends it, and one that says nothing counts as not understood."""

import pytest

from interlat.data.reasoning import Arithmetic, Problem
from interlat.evaluation.environment import NOT_UNDERSTOOD, Environment
from interlat.evaluation.policies import walkthrough_policy
from interlat.evaluation.problem_environment import ProblemEnvironment
from interlat.evaluation.rollouts import rollouts

PROBLEM = Problem("p/1", "level 2", "What is 40 + 2?", "It is \\boxed{42}.", "42", "number")


@pytest.mark.parametrize(
    ("text", "observation", "won"),
    [
        ("So \\boxed{42.0}.", "Right.", True),
        ("So \\boxed{43}.", "Wrong: 43", False),
        ("Who knows?", NOT_UNDERSTOOD, False),
        ("", NOT_UNDERSTOOD, False),
    ],
)
def test_an_answer_ends_the_game(text: str, observation: str, won: bool):
    environment = ProblemEnvironment(PROBLEM)
    opening, info = environment.reset()
    assert (opening, info["won"], info["admissible_commands"]) == (PROBLEM.question, False, [])
    told, reward, terminated, truncated, info = environment.step(text)
    assert (told, reward, terminated, truncated, info["won"]) == (observation, float(won), won, not won, won)
    environment.close()


def test_it_is_an_environment_as_rollouts_want_it():
    assert isinstance(ProblemEnvironment(PROBLEM), Environment)
    problems = Arithmetic().games("unseen", 10)
    by_id = {problem.game_id: problem for problem in problems}
    policy = walkthrough_policy(lambda game_id: by_id[game_id].load().walkthrough)
    episodes = list(rollouts(problems, policy, ProblemEnvironment, batch_size=4))
    assert [episode.won for episode in episodes] == [True] * 10
    assert {episode.task_type for episode in episodes} == {f"level {level}" for level in range(1, 6)}
    assert all(episode.steps == 1 and episode.observations[1] == "Right." for episode in episodes)


def test_an_episode_does_not_hold_the_right_answer_where_it_was_not_found():
    told, *_ = ProblemEnvironment(PROBLEM).step("\\boxed{7}")
    assert "42" not in told
