"""What is analysed is the run that was trained, or it is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from alfworld_env import household_games
from interlat.errors import CheckpointMismatch
from interlat.evaluation.analysis.run import adapt, compress, open_run, pooled, representations, send_plans
from interlat.evaluation.analysis.tasks import tasks_of
from interlat.evaluation.message_source import CompressorSource, SenderSource


def test_actor_and_compressors_of_several_folders(runs: Path):
    run = open_run([runs / "stage1", runs / "stage2", runs / "stage2-base"])
    assert [of.name for of in run.compressors] == ["K = 3", "K = 2"]
    assert run.actor.width == 48
    assert open_run([runs / "stage1"]).compressors == ()


def test_compressors_of_one_length_are_told_apart_by_folder(runs: Path):
    run = open_run([runs / "stage2", runs / "stage2"])
    assert [of.name for of in run.compressors] == [f"K = 3 ({runs / 'stage2'})"] * 2


def test_messages_are_those_that_evaluation_sends(runs: Path):
    run = open_run([runs / "stage2"])
    tasks = tasks_of(household_games("unseen", 3), seed=0)
    views = [run.view(task) for task in tasks]
    plans = send_plans(run, tasks, 2, seed=0)
    for plan, message in zip(plans, SenderSource(run.sender, "latent").make(views).messages, strict=True):
        torch.testing.assert_close(plan.latents, message.latents)
    compressor = run.compressors[0].compressor
    for latents, message in zip(
        compress(run, compressor, tasks, 3), CompressorSource(compressor).make(views).messages, strict=True
    ):
        torch.testing.assert_close(latents, message.latents)


def test_actors_that_differ_are_not_compared(runs: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(runs / "stage2", other, copy_function=shutil.copy)
    content = bytearray((other / "adapter.safetensors").read_bytes())
    content[-1] ^= 1
    (other / "adapter.safetensors").write_bytes(bytes(content))
    with pytest.raises(CheckpointMismatch, match=r"wanted runs of one sender and one actor, but those in .* differ"):
        open_run([runs / "stage1", other])


def test_a_sender_that_was_trained_anew_is_refused(runs: Path, tmp_path: Path):
    """Its latents would be read as if they were those that the actor learnt."""
    other = tmp_path / "other"
    shutil.copytree(runs / "stage1", other)
    stage = json.loads((other / "stage.json").read_text())
    stage["sender"]["weights"] = "0123456789abcdef"
    (other / "stage.json").write_text(json.dumps(stage))
    with pytest.raises(
        CheckpointMismatch, match=r"with weights 0123456789abcdef, whose messages this run was trained on"
    ):
        open_run([other])


def test_plans_are_written_where_the_run_was_taught_from_such(runs: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(runs / "stage1", other)
    stage = json.loads((other / "stage.json").read_text())
    stage["sender"]["plans"] = "written"
    (other / "stage.json").write_text(json.dumps(stage))
    run = open_run([other])
    tasks = tasks_of(household_games("unseen", 2), seed=0)
    for task, plan in zip(tasks, send_plans(run, tasks, 2, seed=0), strict=True):
        assert task.source in plan.text
        assert len(plan.latents) == len(plan.ids)


def test_a_pool_is_the_mean_of_a_message_and_of_nothing_else():
    found = pooled([torch.tensor([[1.0, 3.0], [3.0, 5.0]]), torch.tensor([[7.0, 7.0]])])
    assert found.tolist() == [[2.0, 4.0], [7.0, 7.0]]


def test_adapting_in_batches_is_adapting_one_by_one(runs: Path):
    actor = open_run([runs / "stage1"]).actor
    messages = [torch.randn(length, 32) for length in (3, 1, 5)]
    for row, message in zip(adapt(actor, messages, 2), messages, strict=True):
        torch.testing.assert_close(row, adapt(actor, [message], 1)[0])


def test_what_a_probe_may_read(runs: Path):
    """Text is the mean of the actor's embeddings; the tiny sender and actor share a vocabulary."""
    run = open_run([runs / "stage2"])
    tasks = tasks_of(household_games("unseen", 2), seed=0)
    plans = send_plans(run, tasks, 2, seed=0)
    found = representations(run, tasks, plans, 2)
    assert {name: tuple(values.shape) for name, values in found.items()} == {
        "message": (2, 32),
        "message after the adapter": (2, 48),
        "plan's text": (2, 48),
        "compressed message, K = 3": (2, 32),
    }
    wanted = run.actor.lm.get_input_embeddings()(torch.tensor(plans[0].ids)).mean(dim=0)
    torch.testing.assert_close(found["plan's text"][0].float(), wanted.detach())
