"""What the flags of `interlat-eval --method` come to, and which of them contradict."""

from pathlib import Path

import pytest

from interlat.agents.collaboration_settings import Method
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import Condition
from interlat.evaluation.method_settings import MethodSettings
from interlat.models.kv import Keep


def _settings(method="single,text-mas,latent-mas,hybrid", **others) -> MethodSettings:
    return MethodSettings(method, **{"model": "tiny", **others})


def test_a_condition_names_method_steps_and_control():
    of = _settings().collaboration(Condition("latent-mas", 7, "cross-task"), 33)
    assert (of.method, of.latent_steps, of.control, of.model) == ("latent-mas", 7, "swap", "tiny")
    assert [agent.name for agent in of.agents] == ["planner", "critic", "refiner", "judger"]
    assert (of.sampling.temperature, of.sampling.top_p, of.sampling.max_new_tokens) == (0.6, 0.95, 33)


def test_steps_budgets_and_what_is_kept_come_from_the_settings():
    settings = _settings(
        latent_steps=3, answer_tokens=9, text_tokens=4, keep=Keep(kinds="latents"), cast="hierarchical"
    )
    of = settings.collaboration(Condition("hybrid"), 33)
    assert (of.latent_steps, of.sampling.max_new_tokens, of.text_sampling.max_new_tokens) == (3, 9, 4)
    assert of.keep.kinds == "latents"
    assert of.agents[-1].name == "summariser"


def test_one_agent_alone_takes_its_own_cast_and_no_control():
    of = _settings(topology="tree").collaboration(Condition("single", None, "whole"), 33)
    assert [agent.name for agent in of.agents] == ["single"]
    assert (of.control, of.topology) == (None, "chain")


def test_methods_runs_and_folder_do_not_decide_an_answer():
    first = _settings(runs=3, resume=True, out=Path("a")).identity()
    assert first == _settings("single").identity()
    assert first != _settings("single", latent_steps=4).identity()
    assert (first["policy"], first["max_steps"]) == ("methods", 1)


def test_every_method_has_settings():
    for method in Method.__args__:
        assert _settings().collaboration(Condition(method), 5).method == method


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"games": 0}, "--games must be at least 1, got 0"),
        ({"latent_steps": -1}, "--latent-steps must be at least 0, got -1"),
        ({"temperature": -0.5}, "wanted --temperature of at least 0"),
        ({"top_p": 0.0}, "within \\(0, 1\\], got 0.6 and 0.0"),
        ({"resume": True}, "--resume goes on with a folder"),
        ({"cast": "circus"}, "no cast is called 'circus'"),
        ({"cast": "single"}, "wants at least 2 agents, got 1"),
        (
            {"method": "single,latent"},
            "--method compares single, text-mas, latent-mas, hybrid, diffmas, sft; got latent, which an actor",
        ),
        ({"method": "latent-mas+cross-task", "batch_size": 1}, "cross-task needs another problem in the batch"),
        ({"method": "single,diffmas"}, "diffmas is played by what a run has learnt; name its folder with --checkpoint"),
        ({"checkpoint": Path("x")}, "--checkpoint is for diffmas and sft, got --method single,text-mas"),
        ({"model": None}, "wanted the language model of the agents, got none; name it with --model"),
        ({"method": "latent-mas:0", "keep": Keep(kinds="latents")}, "sends nothing of planner"),
    ],
)
def test_wrong_settings_are_refused_before_a_model_is_loaded(others, message):
    with pytest.raises(InvalidSetting, match=message):
        _settings(**others)
