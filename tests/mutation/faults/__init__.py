"""The faults, by where they are; knows nothing of how they are tried."""

from ..mutant import Mutant
from . import agents, channel, controls, kv, kv_agents, losses, stability, stages, statistics, trace

FAULTS: list[Mutant] = [
    *losses.FAULTS,
    *controls.FAULTS,
    *channel.FAULTS,
    *agents.FAULTS,
    *kv.FAULTS,
    *kv_agents.FAULTS,
    *stages.FAULTS,
    *statistics.FAULTS,
    *stability.FAULTS,
    *trace.FAULTS,
]
