"""What `results.json` says of stability, by condition. Knows no table and writes no file."""

from dataclasses import asdict
from typing import Any

from interlat.evaluation.paired import Interval
from interlat.evaluation.report import Groups
from interlat.evaluation.self_consistency import self_consistency
from interlat.evaluation.stability import entropy_curve, measured, perplexity, perplexity_change

_DIGITS = 4  # of a nat, as in episodes


def stability_of(groups: Groups) -> dict[str, Any]:
    """Perplexity and entropy where tokens were measured, self-consistency where there are several runs; else nothing.

    Perplexities have no unit, entropies are in nats, shares in [0, 1].

    Args:
        groups: records by condition; the first is the one that others are compared with.
    """
    first = next((label for label, records in groups.items() if measured(records)), None)
    found = {label: {**_sure(groups, label, first), **_alike(groups, label)} for label in groups}
    return {label: of for label, of in found.items() if of}


def _sure(groups: Groups, label: str, first: str | None) -> dict[str, Any]:
    records = measured(groups[label])
    if not records or first is None:
        return {}
    of, curve = perplexity(records), entropy_curve(records)
    change = perplexity_change(records, groups[first]) if label != first else None
    return {
        "perplexity": of.perplexity.estimate,
        "ci95": _ends(of.perplexity),
        **({} if change is None else {f"versus {first}": {"difference": change.estimate, "ci95": _ends(change)}}),
        "answers": of.answers,
        "tokens": of.tokens,
        "entropy": of.entropy,
        "entropy_curve": {
            "entropies": [round(each, _DIGITS) for each in curve.entropies],
            "running": list(curve.running),
        },
    }


def _alike(groups: Groups, label: str) -> dict[str, Any]:
    found = self_consistency(groups[label])
    return {} if found is None else {"self_consistency": asdict(found)}


def _ends(of: Interval) -> list[float]:
    return [of.low, of.high]
