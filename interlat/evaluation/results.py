"""`results.json`: what an evaluation came to, as other programs read it. Knows no table."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interlat.evaluation.conditions import Condition
from interlat.evaluation.episodes import EpisodeRecord, EpisodesMismatch
from interlat.evaluation.method_costs import cost_by_agent
from interlat.evaluation.stability_results import stability_of
from interlat.evaluation.statistics import holm
from interlat.evaluation.summary import Comparison, Measures, by_condition, by_task_type, compare, measure

RESULTS_FILE = "results.json"


def results_of(
    records: Sequence[EpisodeRecord], settings: Mapping[str, Any], command: str, commit: str
) -> dict[str, Any]:
    """Numbers of all conditions; those at the top level are the first condition's.

    Rates and shares are in [0, 1], times in seconds, tokens and steps are means an episode.

    Args:
        records: at least one episode.
        settings: what the episodes were played under.
        command: that made them.
        commit: of this library.
    """
    groups = by_condition(records)
    baseline, *others = groups
    first = groups[baseline]
    versus = {name: compare(groups[name], first) for name in others}
    corrected = dict(zip(others, holm([of.p for of in versus.values()]), strict=True))
    return {
        "protocol_version": settings["protocol_version"],
        "command": command,
        "commit": commit,
        "seeds": sorted({record.seed for record in records}),
        "step_cap": settings["max_steps"],
        "games": len({record.game_id for record in records}),
        **_headline(first),
        "conditions": {
            name: {
                **_headline(group),
                "episodes": measure(group).episodes,
                "success_rate_by_run": list(measure(group).success_rate_by_run.values()),
                "invalid_share": measure(group).invalid_share,
                **_cost_by_agent(group),
                **({f"versus {baseline}": _versus(versus[name], corrected[name])} if name in versus else {}),
            }
            for name, group in groups.items()
        },
        **_stability(groups),
    }


def read_results(folder: Path) -> dict[str, Any]:
    """What `write_results` wrote.

    Raises:
        EpisodesMismatch: if there is no readable `results.json`.
    """
    try:
        return dict(json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EpisodesMismatch(
            f"{folder / RESULTS_FILE} cannot be read ({error}); make it again with interlat-eval --resume"
        ) from error


def write_results(folder: Path, results: Mapping[str, Any]) -> Path:
    """Write `results.json` as a whole or not at all."""
    path = folder / RESULTS_FILE
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
    return path


def _versus(found: Comparison, corrected: float) -> dict[str, Any]:
    return {**asdict(found), "ci95": list(found.ci95), "p_holm": corrected}


def _cost_by_agent(records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    if not all(record.accounts for record in records):
        return {}
    return {"cost_by_agent": {name: asdict(of) for name, of in cost_by_agent(records).items()}}


def _stability(groups: Mapping[str, Sequence[EpisodeRecord]]) -> dict[str, Any]:
    are_methods = all(Condition(record.message).is_method for records in groups.values() for record in records)
    found = stability_of(groups) if are_methods else {}
    return {"stability": found} if found else {}


def _headline(records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    measures = measure(records)
    types = by_task_type(records)
    return {
        **_success(measures),
        "by_task_type": {name: {"games": of.games, **_success(of)} for name, of in types.items()},
        "message_seconds": measures.message_seconds,
        "output_tokens": measures.output_tokens,
    }


def _success(measures: Measures) -> dict[str, Any]:
    return {
        "success_rate": measures.success_rate,
        "ci95": list(measures.ci95),
        "steps_success": measures.steps_success,
        "steps_all": measures.steps_all,
    }
