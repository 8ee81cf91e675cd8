"""What a sender is asked, what a plan holds, and what identifies whose messages they are."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from foreign_models import DEFAULT_SYSTEM, foreign_lm, foreign_tokenizer, save_foreign

from interlat.agents.sender import (
    ReasoningAgent,
    SenderSettings,
    build_sender,
    left_pad,
    provenance,
    recorded_sender,
    sender_settings,
    weights_fingerprint,
)
from interlat.errors import CheckpointMismatch
from interlat.models.decoding import Sampling
from interlat.models.vocabulary import fingerprint

OPENING = "You are in a room.\n\nYour task is to: find a mug."
PROMPT = (
    f"<|im_start|>system\n{DEFAULT_SYSTEM}<|im_end|>\n<|im_start|>user\n"
    f"Write a short plan that solves this task step by step.\n\n{OPENING}{{}}<|im_end|>\n<|im_start|>assistant\n"
)


@pytest.fixture
def sender() -> ReasoningAgent:
    """In train mode until the agent takes it: the model has dropout 0.5."""
    return ReasoningAgent(foreign_lm(foreign_tokenizer()).train(), foreign_tokenizer(), Sampling(max_new_tokens=6))


@pytest.mark.parametrize(
    ("house", "shown"), [(None, ""), ("A mug is in desk 1.", "\n\nThis is where things are:\nA mug is in desk 1.")]
)
def test_the_request_by_hand(sender: ReasoningAgent, house: str | None, shown: str):
    """Word for word, with one start mark a turn: this tokenizer would add another, and knows a default system turn."""
    ids = sender.prompt_ids(OPENING, house)
    assert sender.tokenizer.decode(ids) == PROMPT.format(shown)
    assert ids.count(sender.tokenizer.bos_token_id) == 3


def test_a_given_plan_is_encoded_as_it_is(sender: ReasoningAgent):
    ids = sender.encode("go to drawer 2")
    assert sender.tokenizer.decode(ids) == "go to drawer 2"
    assert sender.tokenizer.bos_token_id not in ids


def test_rows_are_padded_on_the_left():
    ids, mask = left_pad([[5], [6, 7, 8], []], 2, torch.device("cpu"))
    assert ids.tolist() == [[2, 2, 5], [6, 7, 8], [2, 2, 2]]
    assert mask.tolist() == [[False, False, True], [True] * 3, [False] * 3]


def test_it_plans_in_eval_mode_and_without_gradient(sender: ReasoningAgent):
    prompts = [sender.prompt_ids(OPENING), sender.encode("go")]
    first, second = sender.write(prompts), sender.write(prompts)
    for plan, again, read in zip(first, second, sender.read(prompts, [plan.ids for plan in first]), strict=True):
        assert plan.ids == again.ids
        assert torch.equal(plan.latents, again.latents)
        assert not plan.latents.requires_grad
        assert not read.latents.requires_grad


def test_a_plan_holds_its_own_states_alone(sender: ReasoningAgent):
    """A view of the batch's states would keep all of them in memory, and on disk."""
    prompts = [sender.prompt_ids(OPENING), sender.encode("go")]
    written = sender.write(prompts)
    for plan in (*written, *sender.read(prompts, [plan.ids for plan in written])):
        assert plan.latents.shape == (6, 32)
        assert plan.latents.untyped_storage().nbytes() == 6 * 32 * 4


def test_the_end_mark_is_no_part_of_a_plan(sender: ReasoningAgent):
    """The same draws, and the third of them taken for the end."""
    prompts, sender.sampling = [sender.prompt_ids(OPENING)], Sampling(temperature=3.0, max_new_tokens=6)
    whole = sender.write(prompts, torch.Generator().manual_seed(0))[0]
    assert len(set(whole.ids)) == 6
    sender.end_id = whole.ids[2]
    plan = sender.write(prompts, torch.Generator().manual_seed(0))[0]
    assert plan.ids == whole.ids[:2]
    assert plan.text == sender.tokenizer.decode(whole.ids[:2], skip_special_tokens=True)
    torch.testing.assert_close(plan.latents, whole.latents[:2])


def test_a_plan_that_ends_at_once_is_empty(sender: ReasoningAgent):
    prompts = [sender.prompt_ids(OPENING)]
    sender.end_id = sender.write(prompts)[0].ids[0]
    for plan in (*sender.write(prompts), *sender.read(prompts, [[]])):
        assert (plan.text, plan.ids, plan.latents.shape) == ("", [], (0, 32))


def test_it_ends_with_the_mark_of_its_template(sender: ReasoningAgent):
    assert sender.end_id == sender.tokenizer.eos_token_id == sender.tokenizer.pad_token_id


@pytest.mark.parametrize(
    "settings",
    [
        SenderSettings("model"),
        SenderSettings("model", "house", "written", Sampling(0.5, 0.8, 7, 9), "bfloat16"),
    ],
)
def test_provenance_gives_the_settings_back(foreign: Path, settings: SenderSettings):
    settings = replace(settings, model=str(foreign))
    sender = build_sender(settings)
    fields = json.loads(json.dumps(provenance(settings, sender, seed=4)))
    assert sender_settings(fields) == settings
    assert (fields["seed"], fields["width"]) == (4, 32)
    assert fields["tokenizer"] == fingerprint(foreign_tokenizer())
    assert fields["weights"] == weights_fingerprint(str(foreign))
    assert str(sender.lm.dtype) == f"torch.{settings.dtype}"
    assert sender.sampling == settings.sampling


def test_weights_are_known_by_their_content(foreign: Path, tmp_path: Path):
    shutil.copytree(foreign, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("the same model")
    assert weights_fingerprint(str(tmp_path / "copy")) == weights_fingerprint(str(foreign))
    untied = save_foreign(tmp_path / "other", tied=False)
    assert weights_fingerprint(str(untied)) != weights_fingerprint(str(foreign))


def test_every_part_of_a_large_model_counts(foreign: Path, tmp_path: Path):
    shutil.copytree(foreign, tmp_path / "model")
    seen = set()
    for content in (b"", b"a", b"b"):
        (tmp_path / "model" / "model-00002-of-00002.safetensors").write_bytes(content)
        seen.add(weights_fingerprint(str(tmp_path / "model")))
    assert len(seen) == 3


def test_weights_in_the_older_format_count_where_there_are_no_others(tmp_path: Path):
    def known_by(*files: tuple[str, bytes]) -> str:
        for name, content in files:
            (tmp_path / name).write_bytes(content)
        return weights_fingerprint(str(tmp_path))

    assert known_by(("pytorch_model.bin", b"a")) != known_by(("pytorch_model.bin", b"b"))
    assert known_by(("model.safetensors", b"c")) == known_by(("training_args.bin", b"d"))


def test_a_run_finds_the_sender_it_was_trained_on_or_says_so(foreign: Path, tmp_path: Path):
    shutil.copytree(foreign, tmp_path / "sender")
    settings = SenderSettings(str(tmp_path / "sender"), sampling=Sampling(max_new_tokens=7))
    fields = provenance(settings, build_sender(settings), seed=4)
    assert recorded_sender(fields).sampling == settings.sampling
    shutil.rmtree(tmp_path / "sender")
    save_foreign(tmp_path / "sender", tied=False)
    with pytest.raises(
        CheckpointMismatch, match=f"with weights {fields['weights']}, whose messages this run was trained"
    ):
        recorded_sender(fields)


def test_a_model_on_the_hub_is_known_by_its_name():
    assert weights_fingerprint("Qwen/Qwen2.5-0.5B-Instruct") == "Qwen/Qwen2.5-0.5B-Instruct"
