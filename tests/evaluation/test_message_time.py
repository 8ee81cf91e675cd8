"""Timing by a clock that the test turns, first latents against whole plans that are cut, and the sweep's table by hand."""

import time

import pytest
import torch
from tiny_agents import save_tiny_lm, task_records

from interlat.agents.sender import SenderSettings, build_sender
from interlat.errors import InvalidSetting
from interlat.evaluation.length_sweep import (
    lengths_content,
    lengths_markdown,
    mean_latents,
    results_of_lengths,
    swept_lengths,
)
from interlat.evaluation.message_source import SenderSource, SenderView, Timed
from interlat.evaluation.message_time import FirstLatents, machine, time_messages
from interlat.evaluation.message_time_file import MessageTime
from interlat.messages import LatentMessage, Silence
from interlat.models.decoding import Sampling

VIEWS = [SenderView(record.opening, record.house) for record in task_records(6)]


class ClockworkSource:
    """Takes as long as it is told for each batch, and remembers what it was asked for."""

    def __init__(self, seconds, monkeypatch):
        self.seconds, self.now, self.asked = iter(seconds), 0.0, []
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def make(self, views):
        self.asked.append([VIEWS.index(view) for view in views])
        self.now += next(self.seconds)
        return Timed([LatentMessage(torch.zeros(4, 2)), *[Silence()] * (len(views) - 1)], 0.0)


def test_warm_ups_are_not_counted_and_the_median_is_taken(monkeypatch):
    """After two slow calls 3, 1, 2, 5, 4 s: median 3, quartiles 2 and 4. Of two messages one has 4 latents: mean 2."""
    source = ClockworkSource([100.0, 100.0, 3.0, 1.0, 2.0, 5.0, 4.0], monkeypatch)
    assert time_messages(source, VIEWS, 2, repeats=5) == MessageTime(2, 5, 3.0, 2.0, 4.0, 2.0)
    assert source.asked == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3], [4, 5], [0, 1]]


def test_one_repeat_has_no_spread(monkeypatch):
    assert time_messages(ClockworkSource([3.0], monkeypatch), VIEWS, 1, 1, warm_ups=0) == MessageTime(
        1, 1, 3.0, 3.0, 3.0, 4.0
    )


def test_a_batch_may_be_larger_than_the_games(monkeypatch):
    source = ClockworkSource([8.0], monkeypatch)
    assert time_messages(source, VIEWS, 8, repeats=1, warm_ups=0).seconds_a_message == 1.0
    assert source.asked == [[0, 1, 2, 3, 4, 5, 0, 1]]


@pytest.mark.parametrize(("views", "size", "repeats"), [([], 1, 1), (VIEWS, 0, 1), (VIEWS, 1, 0)])
def test_nothing_to_time_is_refused(monkeypatch, views, size, repeats):
    with pytest.raises(InvalidSetting, match="wanted games, a batch size and repeats of at least 1"):
        time_messages(ClockworkSource([1.0] * 9, monkeypatch), views, size, repeats)


def test_a_machine_names_what_times_depend_on():
    found = machine()
    assert {"processor", "cores", "threads", "accelerator", "torch"} == found.keys()
    assert (found["threads"], found["torch"]) == (torch.get_num_threads(), torch.__version__)
    assert found["processor"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tiny_lm(tmp_path_factory.mktemp("models") / "tiny"))


def _source(model, temperature=0.0, written=None, seed=0):
    sampling = Sampling(temperature=temperature, max_new_tokens=12)
    sender = build_sender(SenderSettings(model, view="house", sampling=sampling))
    return SenderSource(sender, "latent", written=written, seed=seed)


def _rows(source, views):
    return [of.latents if isinstance(of, LatentMessage) else torch.zeros(0, 32) for of in source.make(views).messages]


@pytest.mark.parametrize("keep", [1, 2, 5, 12, 40])
def test_first_latents_are_those_of_the_whole_plan(model, keep):
    """Whether plans are shorter or longer than K: the first one's fifth token is made the end mark, others go on."""
    whole_source, source = _source(model, 1.0, seed=3), _source(model, 1.0, seed=3)
    prompts = [source.sender.prompt_ids(view.opening, view.house) for view in VIEWS]
    plans = source.sender.write(prompts, source.draws(VIEWS))
    whole_source.sender.end_id = source.sender.end_id = plans[0].ids[4]
    whole = _rows(whole_source, VIEWS)
    assert len({len(rows) for rows in whole}) > 1
    first = _rows(FirstLatents(source, keep), VIEWS)
    for rows, plan in zip(first, whole, strict=True):
        assert len(rows) == min(keep, len(plan))
        torch.testing.assert_close(rows, plan[:keep])


def test_first_latents_of_a_greedy_plan(model):
    (plan,), (rows,) = _rows(_source(model), VIEWS[:1]), _rows(FirstLatents(_source(model), 4), VIEWS[:1])
    assert 0 < len(rows) == min(4, len(plan))
    torch.testing.assert_close(rows, plan[:4])


def test_a_plan_that_ends_at_once_is_silence(model):
    source = _source(model)
    source.sender.end_id = int(
        source.sender.write([source.sender.prompt_ids(VIEWS[0].opening, VIEWS[0].house)])[0].ids[0]
    )
    (message,) = FirstLatents(source, 3).make(VIEWS[:1]).messages
    assert isinstance(message, Silence)


def test_first_latents_of_written_plans_read_no_further(model):
    written = {view.opening: "Take mug 1 from desk 2. Move mug 1 to shelf 3." for view in VIEWS}
    whole = _rows(_source(model, written=written), VIEWS[:2])
    for rows, plan in zip(_rows(FirstLatents(_source(model, written=written), 3), VIEWS[:2]), whole, strict=True):
        torch.testing.assert_close(rows, plan[:3])


def test_lengths_are_read_as_conditions_of_runs(tmp_path):
    one, eight, four = tmp_path / "one", tmp_path / "eight", tmp_path / "four"
    found = swept_lengths("full, 90%,8,0", one, None, {4: four, 8: eight})
    assert [(of.label, of.kind, of.condition, of.checkpoint) for of in found] == [
        ("full", "full", "latent", one),
        ("90%", "share", "latent:90%", one),
        ("8", "untrained", "latent:8", one),
        ("0", "silence", "none", one),
        ("8, trained", "trained", "latent:8", eight),
        ("4, trained", "trained", "latent:4", four),
    ]
    assert [of.kind for of in swept_lengths("16,8", eight, 8, {})] == ["untrained", "trained"]


@pytest.mark.parametrize("written", ["half", "", "8,,4", "100%", "0%", "-1", "1.5", "8 %%"])
def test_a_length_that_cannot_be_read_is_named(tmp_path, written):
    with pytest.raises(InvalidSetting, match="a length is 'full', a share from 1% to 99% or a whole number"):
        swept_lengths(written, tmp_path, None, {})


@pytest.mark.parametrize(("written", "said"), [("8,4,8", None), ("8", 8)])
def test_a_length_may_come_once(tmp_path, written, said):
    with pytest.raises(InvalidSetting, match=r"got 8.* more than once"):
        swept_lengths(written, tmp_path, said, {8: tmp_path} if said else {})


def test_the_table_of_a_sweep(tmp_path, episode):
    """Full wins a, half wins nothing. A batch of 32 in 64 s is 2 s a message; half of 20 latents are 10."""
    full, half, silence = swept_lengths("full,50%,0", tmp_path, None, {})
    played = {
        full: [episode("a", steps=3, message="latent"), episode("b", False, 20, message="latent")],
        half: [episode(game, False, 20, message="latent", length=0.5) for game in "ab"],
        silence: [episode(game, False, 20) for game in "ab"],
    }
    times = (MessageTime(1, 5, 4.0, 3.5, 4.5, 18.0), MessageTime(32, 5, 64.0, 60.8, 67.2, 20.0))
    results = results_of_lengths(played, {full: times, half: times})
    assert [mean_latents(of) for of in results] == [20.0, 10.0, 0.0]
    text = lengths_markdown("A sweep", results, {"processor": "x", "accelerator": None})
    assert "| full | 20.0 | 50.0 [9.5, 90.5] | 3.00/11.50 | 4 [3.5, 4.5] | 2 [1.9, 2.1] | - | - | - |" in text
    assert (
        "| 50% | 10.0 | 0.0 [0.0, 65.8] | -/20.00 | 4 [3.5, 4.5] | 2 [1.9, 2.1] | -50.0 [-100.0, +0.0] | 1 | 1 |"
        in text
    )
    assert "| 0 | 0.0 | 0.0 [0.0, 65.8] | -/20.00 | - | - |" in text
    assert "corrected for 2 comparisons" in text
    assert "Measured on: processor x." in text
    content = lengths_content(results)
    assert [row["success_rate"] for row in content] == [0.5, 0.0, 0.0]
    assert content[0]["message_time"][1]["seconds_a_message"] == 2.0
    assert (content[0]["versus_first"], content[1]["versus_first"]["difference"]) == (None, -0.5)
