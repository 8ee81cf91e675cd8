"""The policy that settings name: where `evaluation`'s protocol meets experts and checkpoints."""

from collections.abc import Sequence
from typing import Any

from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import Condition
from interlat.evaluation.evaluate import PolicyFactory
from interlat.evaluation.policies import (
    Opening,
    Policy,
    Script,
    ScriptedPolicy,
    random_policy,
    walkthrough_policy,
)
from interlat.evaluation.settings import EvalSettings


def policy_factory(settings: EvalSettings, games: Sequence[Any]) -> PolicyFactory:
    """How to make the policy for a condition and a seed; nothing is loaded yet.

    Args:
        settings: which policy, and the checkpoint of an actor.
        games: all games of the evaluation; an actor's message may come from another of them.
    """
    by_id = {game.game_id: game for game in games}

    def make(condition: Condition, seed: int) -> Policy:
        match settings.policy:
            case "random":
                return random_policy(seed)
            case "walkthrough":
                return walkthrough_policy(lambda game_id: by_id[game_id].load().walkthrough)
            case "expert":
                return expert_policy(seed)
            case "actor":
                return _actor(settings, games, condition, seed)

    return make


def expert_policy(seed: int) -> ScriptedPolicy:
    """An expert that has to look for things, as an actor does."""
    from alfworld_env.expert import ExploringExpert

    def make_script(opening: Opening) -> Script:
        expert = ExploringExpert(opening.observation, seed)
        return lambda observation, admissible: expert.act(observation, admissible).command

    return ScriptedPolicy(make_script)


def _actor(settings: EvalSettings, games: Sequence[Any], condition: Condition, seed: int) -> Policy:
    from interlat.evaluation.actor_policy import load_actor_policy  # brings torch and transformers

    if settings.checkpoint is None:
        raise InvalidSetting("--policy actor plays a trained run; name its folder with --checkpoint")
    policy: Policy = load_actor_policy(
        settings.checkpoint,
        games,
        condition.message,
        condition.control,
        condition.length,
        seed,
        dtype=settings.dtype,
        answer_tokens=settings.answer_tokens,
        view=settings.view,
        form=settings.form,
    )
    return policy
