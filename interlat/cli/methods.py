"""`interlat-eval --method ...`: agents that work together on problems, compared with one agent alone and with words."""

from collections.abc import Sequence

from jsonargparse import ArgumentParser

from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_models import Loaded
from interlat.cli.environments import problems_of
from interlat.cli.flags import ShortHelp, add_flags
from interlat.cli.records import in_order, keep_results, open_store, with_progress
from interlat.cli.terminal import table_console
from interlat.data.reasoning import Problem
from interlat.errors import InvalidSetting
from interlat.evaluation.accuracy import tables_of
from interlat.evaluation.conditions import Condition
from interlat.evaluation.method_evaluation import answered
from interlat.evaluation.method_settings import MethodSettings
from interlat.evaluation.method_teams import team_of
from interlat.evaluation.summary import by_condition

STABILITY_CHART = "stability.png"


def build_parser() -> ArgumentParser:
    """The flags are the fields of ``MethodSettings``; a recipe may hold any of them."""
    parser = ArgumentParser(
        prog="interlat-eval",
        usage="interlat-eval --method LIST --model NAME [--env BENCHMARK] [-c RECIPE.yaml] [flags]",
        description="Let agents answer a benchmark's problems together; show accuracy and cost, agent by agent.",
        epilog="exit codes: 0 done, 1 failed, 2 wrong use",
        formatter_class=ShortHelp,
    )
    parser.add_argument("-c", "--config", action="config", help="recipe that holds flags; later flags override it")
    add_flags(parser, MethodSettings)
    return parser


def methods_command(arguments: list[str]) -> None:
    """Answer what is missing, show the tables and keep the results."""
    parser = build_parser()
    values = parser.instantiate(parser.parse_args(arguments)).as_dict()
    values.pop("config")
    settings = MethodSettings(**values)
    problems = _unlearnt(problems_of(settings.env, settings.split, settings.games), settings.trained_on)
    wanted = {
        (of.name, run, each.game_id) for of in settings.compared for run in range(settings.runs) for each in problems
    }
    loaded: Loaded = {}

    def build(condition: Condition, answer_tokens: int, seed: int) -> Collaboration:
        return team_of(settings, condition, answer_tokens, seed, loaded)

    with open_store(settings.out, settings.identity(), settings.resume) as store:
        records = answered(settings, problems, build, store)
        for record in with_progress(records, len(wanted), len(wanted & store.keys), "answering"):
            store.append(record)
        kept = in_order(store.records, settings.compared)
        table_console().print(*tables_of(settings.env, settings.split, by_condition(kept), ""))
        keep_results(settings.out, kept, settings.identity(), arguments)
    if settings.stability and settings.out is not None:
        from interlat.evaluation.stability_chart import draw_entropy

        draw_entropy(by_condition(kept), settings.out / STABILITY_CHART)
        table_console().print(f"Drawn: {settings.out / STABILITY_CHART}", soft_wrap=True, highlight=False)


def _unlearnt(problems: Sequence[Problem], learnt: frozenset[str]) -> Sequence[Problem]:
    kept = [each for each in problems if each.game_id not in learnt]
    if not kept:
        raise InvalidSetting(
            "the checkpoint was trained on every problem asked for; take another split, or more of them"
        )
    if len(kept) < len(problems):
        table_console().print(f"Left out: {len(problems) - len(kept)} problems that the checkpoint was trained on.")
    return kept
