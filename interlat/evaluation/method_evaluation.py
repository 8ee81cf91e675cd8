"""Agents answer problems together: every method, every run, every problem not answered yet. Knows no command line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from interlat.agents.account import total
from interlat.agents.collaboration import Answered, Collaboration
from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import CollaborationSettings
from interlat.data.reasoning.problem import Problem
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import CROSS_TASK, WHOLE, Condition
from interlat.evaluation.environment import NOT_UNDERSTOOD
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.evaluate import Played
from interlat.evaluation.method_settings import MethodSettings
from interlat.evaluation.problem_environment import ProblemEnvironment
from interlat.evaluation.rollouts import Trial

Build = Callable[[Condition, int, int], Collaboration]
"""Makes who works under a condition, with so many tokens for an answer and a seed."""
_DIGITS = 4  # of a nat; an answer's mean is off by 0.00005 at most


def answered(
    settings: MethodSettings, problems: Sequence[Problem], build: Build, played: Played
) -> Iterator[EpisodeRecord]:
    """Answer what is missing; a collaboration is only made where a problem is.

    Batches are the same whatever is missing, so that a message from another task comes from the same one after a resumption.

    Args:
        settings: methods, seeds, batch size, and whether each token is measured.
        problems: of the split, graded as their benchmark says.
        build: who works.
        played: answers that are left out.

    Yields:
        The answers of each batch when it is done.

    Raises:
        InvalidSetting: if the agents are not as many as the parts of a problem, or there is no other task to swap with.
    """
    for condition in settings.compared:
        batches = batches_of(problems, settings.batch_size, condition)
        for run, seed in enumerate(settings.seeds):
            trial = Trial(condition, run, seed)
            missing = [batch for batch in batches if _wanted(batch, trial, played)]
            if not missing:
                continue
            team = build(condition, max(each.answer_tokens for each in problems), seed)
            for batch in missing:
                questions = [question_of(each, team.settings, condition) for each in batch]
                rows = zip(batch, team.answer(questions, seed, settings.stability), strict=True)
                wanted = _wanted(batch, trial, played)
                yield from (_record(problem, trial, answer) for problem, answer in rows if problem in wanted)


def batches_of(problems: Sequence[Problem], size: int, condition: Condition) -> list[Sequence[Problem]]:
    """The problems in batches; where messages are swapped, one left over joins the batch before it.

    Raises:
        InvalidSetting: if there is no other task to swap with.
    """
    batches = [problems[start : start + size] for start in range(0, len(problems), size)]
    if condition.control == CROSS_TASK and len(batches[-1]) == 1:
        if len(batches) == 1:
            raise InvalidSetting(
                "cross-task needs a message of another problem, got 1 problem; ask for more with --games"
            )
        batches[-2:] = [[*batches[-2], *batches[-1]]]
    return batches


def question_of(problem: Problem, team: CollaborationSettings, condition: Condition) -> Question:
    """What a collaboration is asked.

    A problem whose information is split shows each agent its part, or all of it with ``single+whole``.

    Raises:
        InvalidSetting: if the agents are not as many as the parts.
    """
    shown = {} if condition.control == WHOLE else problem.shown_to([agent.name for agent in team.agents])
    return Question(problem.question, problem.answer_kind, shown)


def _wanted(batch: Sequence[Problem], trial: Trial, played: Played) -> list[Problem]:
    return [each for each in batch if (trial.condition.name, trial.run, each.game_id) not in played.keys]


def _record(problem: Problem, trial: Trial, answer: Answered) -> EpisodeRecord:
    environment = ProblemEnvironment(problem)
    observation, _ = environment.reset()
    told, _, won, _, _ = environment.step(answer.text)
    *before, _ = answer.accounts
    return EpisodeRecord(
        game_id=problem.game_id,
        task_type=problem.task_type,
        message=trial.condition.message,
        length=trial.condition.length,
        control=trial.condition.control,
        run=trial.run,
        seed=trial.seed,
        won=won,
        steps=1,
        observations=(observation, told),
        actions=(answer.text,),
        invalid_actions=int(told == NOT_UNDERSTOOD),
        message_seconds=sum((account.seconds for account in before), 0.0),
        output_tokens=total(answer.accounts).output_tokens,
        accounts=tuple(asdict(account) for account in answer.accounts),
        texts=dict(answer.texts),
        grading=problem.grading,
        token_nll=_rounded(answer.certainty.nll),
        token_entropies=_rounded(answer.certainty.entropies),
    )


def _rounded(nats: Sequence[float]) -> tuple[float, ...]:
    """Before anything is computed of them, so that a table is the same from memory and from the file."""
    return tuple(round(each, _DIGITS) for each in nats)
