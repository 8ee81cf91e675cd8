"""Who works under a condition: agents as they come, or as a run has taught them. Knows no problem and no table."""

from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_models import Loaded, load_models, names_of
from interlat.agents.trace_folder import load_collaboration
from interlat.evaluation.conditions import LEARNT, Condition
from interlat.evaluation.method_settings import MethodSettings


def team_of(
    settings: MethodSettings, condition: Condition, answer_tokens: int, seed: int, loaded: Loaded
) -> Collaboration:
    """A collaboration, ready to answer.

    Args:
        settings: the flags.
        condition: method, latent steps and control.
        answer_tokens: most tokens of an answer where the settings leave it to the benchmark.
        seed: of the run.
        loaded: models by name; what is missing is loaded into it.

    Raises:
        ModelNotFound: if a model is not there.
        CheckpointMismatch: if the checkpoint does not fit its model any more.
    """
    if condition.message in LEARNT and settings.checkpoint is not None:
        return load_collaboration(settings.checkpoint, seed, **settings.changes(condition, answer_tokens))
    of = settings.collaboration(condition, answer_tokens)
    loaded.update(load_models([name for name in names_of(of) if name not in loaded], of.dtype))
    return Collaboration(of, loaded, seed)
