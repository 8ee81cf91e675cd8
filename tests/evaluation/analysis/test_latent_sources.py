"""Whose latents are compared, and that "untrained" is where training began."""

from pathlib import Path

import pytest
import torch

from alfworld_env import household_games
from interlat.agents.sender import Plan
from interlat.evaluation.analysis.latent_sources import latent_sources, measure_parallelism, untrained_compressor
from interlat.evaluation.analysis.run import TrainedRun, open_run, send_plans
from interlat.evaluation.analysis.tasks import Task, tasks_of

Sent = tuple[TrainedRun, list[Task], list[Plan]]


@pytest.fixture(scope="module")
def sent(runs: Path) -> Sent:
    run = open_run([runs / "stage2", runs / "stage2-base"])
    tasks = tasks_of(household_games("unseen", 4), seed=0)
    return run, tasks, send_plans(run, tasks, 4, seed=0)


def test_the_sender_is_not_shown_twice(sent: Sent):
    """The first compressor starts from the sender, whose plans are there already; the second from another model."""
    run, tasks, plans = sent
    names = [source.name for source in latent_sources(run, tasks, plans, 4, 3)]
    compressors = ["compressor K = 3", "compressor K = 3, untrained", "compressor K = 2", "compressor K = 2, untrained"]
    assert names == ["sender", *compressors, "backbone"]


def test_steps_are_those_of_each_source(sent: Sent):
    run, tasks, plans = sent
    found = measure_parallelism(latent_sources(run, tasks, plans, 4, 5), 5)
    steps = {source.name: len(source.steps) for source in found.sources}
    assert (steps["sender"], steps["compressor K = 3"], steps["compressor K = 2, untrained"]) == (5, 3, 2)
    assert 1 <= steps["backbone"] <= 5
    assert {step.tasks for source in found.sources[1:5] for step in source.steps} == {4}


def test_an_untrained_compressor_has_the_weights_of_its_backbone(sent: Sent):
    run, _, plans = sent
    trained = run.compressors[0]
    untrained = untrained_compressor(run, trained, plans)
    start = run.sender.lm.get_output_embeddings().weight
    assert torch.equal(untrained.lm.get_output_embeddings().weight[: len(start)], start)
    assert not torch.equal(trained.compressor.lm.get_output_embeddings().weight[: len(start)], start)


def test_a_fitted_bridge_is_fitted_again(sent: Sent):
    """Fitted to these plans, it explains most of the embeddings of their tokens; a random one would not."""
    run, _, plans = sent
    bridge = untrained_compressor(run, run.compressors[0], plans).bridge
    states = torch.cat([plan.latents for plan in plans])
    wanted = run.sender.lm.get_input_embeddings()(torch.tensor([token for plan in plans for token in plan.ids]))
    left = (bridge(states) - wanted).detach().pow(2).sum() / (wanted - wanted.mean(dim=0)).detach().pow(2).sum()
    assert float(left) < 0.5


def test_looking_does_not_move_the_random_state(sent: Sent):
    run, _, plans = sent
    before = torch.random.get_rng_state()
    untrained_compressor(run, run.compressors[0], plans)
    assert torch.equal(torch.random.get_rng_state(), before)
