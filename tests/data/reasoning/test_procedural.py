"""Tasks of reasoning-gym: the same for a seed, never shared between splits, and graded by their answers."""

import builtins
from typing import Any

import pytest

from interlat.data.reasoning import GYM_TASKS, ReasoningGym, ReasoningGymNotFound, gym_problems, problems_named
from interlat.errors import InvalidSetting
from interlat.evaluation.answers import final_answer, grade

pytest.importorskip("reasoning_gym", reason="no reasoning-gym: pip install 'interlat[reasoning]'")


def test_problems_are_those_of_the_seed_and_tasks_take_turns():
    first, again, other = (gym_problems("unseen", 12, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert gym_problems("unseen", 5) == first[:5]
    assert [problem.task_type for problem in first[:6]] == [
        "chain_sum",
        "leg_counting",
        "letter_counting",
        "simple_equations",
        "syllogism",
        "chain_sum",
    ]
    assert len({problem.game_id for problem in first}) == 12


def test_no_question_is_in_two_splits_whatever_the_seeds():
    """Of gcd, whose numbers are small; with one stream of seeds some would be."""
    train = {problem.question for seed in range(2) for problem in gym_problems("train", 150, ("gcd",), seed)}
    seen = {problem.question for problem in gym_problems("seen", 30, ("gcd",), 5)}
    unseen = {problem.question for problem in gym_problems("unseen", 30, ("gcd",), 9)}
    assert not train & unseen
    assert not train & seen
    assert not seen & unseen


@pytest.mark.parametrize("task", GYM_TASKS)
def test_each_task_agrees_with_its_own_scorer(task: str):
    """Right by ours and theirs if boxed as it is, wrong by both for the answer of a problem that has another."""
    from reasoning_gym import create_dataset

    problems = gym_problems("train", 4, (task,))
    theirs = create_dataset(task, seed=0, size=10**6)
    for problem in problems:
        row = theirs[int(problem.game_id.rpartition("/")[2])]
        assert (row["question"].strip(), row["answer"].strip()) == (problem.question, problem.answer)
        assert grade(problem.walkthrough[0], problem.answer, problem.grading).correct
        for other in problems:
            answer = final_answer(other.walkthrough[0])
            assert grade(other.walkthrough[0], problem.answer, problem.grading).correct is (
                theirs.score_answer(answer, row) == 1
            )


@pytest.mark.parametrize(
    ("right", "text", "correct"),
    [
        ("45a", r"\boxed{45a}", True),
        ("45a", r"\boxed{45A}", True),
        ("45a", r"\boxed{45b}", False),  # a number with a unit, elsewhere
        ("45a", r"\boxed{45}", False),
        ("214", r"\boxed{214.0}", True),
        ("214", r"\boxed{215}", False),
        ("Yes", "The answer is yes.", True),
        ("Yes", r"\boxed{\text{Yes}}", True),
        ("Yes", r"\boxed{No}", False),
        ("the first, then", r"\boxed{the  first, then}", True),
        ("True", "who knows", False),
    ],
)
def test_words_are_compared_as_words(right: str, text: str, correct: bool):
    assert grade(text, right, "text").correct is correct


def test_the_source_is_named_like_a_benchmark_and_tells_what_made_its_problems():
    source = problems_named("reasoning-gym")
    assert isinstance(source, ReasoningGym)
    assert len(source.games("seen", 3)) == 3
    identity = source.identity()
    assert identity["version"] != "not installed"
    assert identity != ReasoningGym(seed=1).identity()
    (record,) = source.record(source.games("train", 1), 20, 0)
    assert record.guided[0][1].startswith("\\boxed{")


def test_a_task_that_cannot_be_graded_by_its_answer_is_refused():
    for tasks in (("sudoku",), (), ("chain_sum", "no such")):
        with pytest.raises(InvalidSetting, match="tasks must be some of aiw, base_conversion"):
            ReasoningGym(tasks)


def test_a_task_that_runs_out_of_questions_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch):
    import reasoning_gym

    class Few:
        def __getitem__(self, number: int) -> dict[str, str]:
            return {"question": f"question {number % 30}", "answer": "1"}

    monkeypatch.setattr(reasoning_gym, "create_dataset", lambda *_, **__: Few())
    with pytest.raises(InvalidSetting, match=r"gcd has no more than \d+ different questions in split train"):
        gym_problems("train", 31, ("gcd",))


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "reasoning_gym":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ReasoningGymNotFound, match=r"pip install 'interlat\[reasoning\]'"):
        gym_problems("train", 1)
