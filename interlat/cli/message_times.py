"""Times the messages of a sweep with the senders and compressors of its runs: where `evaluation` meets checkpoints."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from interlat.cli.environments import games_of
from interlat.cli.policies import policy_factory
from interlat.evaluation.actor_policy import ActorPolicy
from interlat.evaluation.conditions import Condition, parse_conditions
from interlat.evaluation.length_sweep import SweptLength
from interlat.evaluation.message_source import MessageSource, SenderSource, SenderView
from interlat.evaluation.message_time import BATCH_SIZES, FirstLatents, machine, time_messages
from interlat.evaluation.message_time_file import MessageTime, read_message_times, write_message_times
from interlat.evaluation.settings import EvalSettings

Times = dict[SweptLength, Sequence[MessageTime]]


def measured_times(lengths: Sequence[SweptLength], settings: Mapping[Path, EvalSettings], repeats: int) -> Times:
    """Seconds a message of every length but silence, kept in each run's evaluation folder too.

    What a folder already holds from this machine is measured again only without ``--resume``.

    Args:
        lengths: of the sweep.
        settings: of each run's evaluation.
        repeats: batches that are counted.
    """
    times: Times = {}
    for checkpoint, of_run in settings.items():
        folder = of_run.folder
        assert folder is not None  # it has a checkpoint
        wanted = [length for length in lengths if length.checkpoint == checkpoint and length.kind != "silence"]
        there = read_message_times(folder, machine()) if of_run.resume else {}
        left = [length for length in wanted if length.condition not in there]
        found = {length.condition: measured for length, measured in _measure(left, of_run, repeats)}
        if found:
            write_message_times(folder, found, machine())
        times |= {length: {**there, **found}[length.condition] for length in wanted}
    return times


def _measure(
    lengths: Sequence[SweptLength], settings: EvalSettings, repeats: int
) -> Iterator[tuple[SweptLength, list[MessageTime]]]:
    # A share is cut from the whole message, so the two are one measurement; the shorter ones need no model of their own either.
    cut = [length for length in lengths if length.kind in ("full", "share")]
    untrained = [length for length in lengths if length.kind == "untrained"]
    if cut or untrained:
        whole, views = _source(settings, Condition("latent"))
        if cut:
            measured = _all_batches(whole, views, repeats)
            yield from ((length, measured) for length in cut)
        for length in untrained:
            number = parse_conditions(length.condition)[0].length
            if isinstance(whole, SenderSource) and isinstance(number, int):
                yield length, _all_batches(FirstLatents(whole, number), views, repeats)
            else:
                yield length, _all_batches(*_source(settings, parse_conditions(length.condition)[0]), repeats)
    for length in lengths:
        if length.kind == "trained":
            yield length, _all_batches(*_source(settings, parse_conditions(length.condition)[0]), repeats)


def _all_batches(source: MessageSource, views: Sequence[SenderView], repeats: int) -> list[MessageTime]:
    return [time_messages(source, views, size, repeats) for size in BATCH_SIZES]


def _source(settings: EvalSettings, condition: Condition) -> tuple[MessageSource, Sequence[SenderView]]:
    """The source of an actor's messages and what the sender sees of each game; the actor itself is let go."""
    policy = policy_factory(settings, games_of(settings))(condition, settings.seed)
    assert isinstance(policy, ActorPolicy)  # a sweep names a checkpoint
    return policy.source, list(policy.views.values())
