"""A made-up study of two seeds and four games, small enough to count by hand, and what is said of what is missing."""

import json
from pathlib import Path

import pytest

from interlat.evaluation.conditions import parse_conditions
from interlat.evaluation.episodes import EpisodesMismatch, EpisodeStore
from interlat.evaluation.message_time_file import (
    MessageTime,
    MessageTimeMismatch,
    read_message_times,
    write_message_times,
)
from interlat.evaluation.paired import paired_bootstrap
from interlat.evaluation.results import results_of, write_results
from interlat.evaluation.seed_results import SeedResults
from interlat.evaluation.seed_tables import comparisons, fill
from interlat.evaluation.statistics import wilson_interval
from interlat.evaluation.study import Study, TableDescription, TableRow
from interlat.evaluation.table_files import write_tables

ROWS = [
    TableRow("Ours", "seed-{seed}/stage1", "latent"),
    TableRow("No-Comm", "seed-{seed}/stage1", "none"),
    TableRow("Other", "seed-{seed}/other", "latent"),
]
# Games won, of a, b, c and d: by seed, of the three rows.
WON = {0: ("abc", "a", "abcd"), 1: ("abcd", "ab", "")}


@pytest.fixture
def study():
    return Study("household", 20, ["unseen"], [0, 1], {"table": TableDescription("A table", ROWS)})


@pytest.fixture
def keep(episode):
    """``keep(folder, condition, won, games)`` writes a finished evaluation, or more of one."""

    def write(folder: Path, condition: str, won: str, games: str = "abcd", finish: bool = True, **settings) -> None:
        identity = {"protocol_version": 1, "env": "household", "split": "unseen", "policy": "actor", "max_steps": 20}
        identity |= settings
        store = EpisodeStore(folder, identity, resume=True)
        (of,) = parse_conditions(condition)
        for game in games:
            steps = 4 if game in won else 20
            what = {"message": of.message, "length": of.length, "control": of.control, "message_seconds": 0.5}
            store.append(episode(game, game in won, steps, **what))
        if finish:
            write_results(folder, results_of(store.records, identity, "interlat-eval", "abc1234"))

    return write


@pytest.fixture
def runs(tmp_path, study, keep):
    for seed, all_won in WON.items():
        for row, won in zip(ROWS, all_won, strict=True):
            keep(study.folder(tmp_path, row, seed, "unseen"), row.condition, won)
    return tmp_path


def _cells(study, runs):
    return {row.row.label: row.cells["unseen"] for row in fill(study.tables["table"], SeedResults(study, runs))}


def test_an_evaluation_lies_where_interlat_eval_puts_it(study, tmp_path):
    folder = study.folder(tmp_path, ROWS[0], 1, "unseen")
    assert folder == tmp_path / "seed-1" / "stage1" / "evaluation" / "household-unseen-20-steps"


def test_a_row_is_the_mean_of_its_seeds(study, runs):
    """Ours: 3/4 and 4/4, mean 7/8, deviation √(2 · (1/8)²) = √2/8; 7 games won in 4 steps, one lost in 20."""
    ours = _cells(study, runs)["Ours"]
    assert ours.by_seed == {0: 0.75, 1: 1.0}
    assert (ours.success_rate, ours.sd) == pytest.approx((7 / 8, 2**0.5 / 8))
    assert ours.ci95 == pytest.approx(wilson_interval(3.5, 4))  # games are the sample, not episodes
    assert (ours.games, ours.steps_success, ours.steps_all) == (4, 4.0, 6.0)
    assert (ours.message_seconds, ours.commits, ours.versus_first) == (0.5, ("abc1234",), None)


def test_a_row_is_compared_over_the_same_games_and_seeds(study, runs):
    """No-Comm minus Ours: a 0 0, b -1 0, c -1 -1, d 0 -1. Means over seeds 0 -1/2 -1 -1/2: mean -1/2.

    Signs of 1, 2, 1 wins: the sum 4 is reached by +++ and ---, two of eight. Seed 0: two games lost, none won, p = 1/2.
    """
    import numpy as np

    versus = _cells(study, runs)["No-Comm"].versus_first
    table = np.array([[0, 0], [-1, 0], [-1, -1], [0, -1]], dtype=float)
    assert versus.seeds == (0, 1)
    assert versus.difference == paired_bootstrap(table)
    assert versus.with_seeds == paired_bootstrap(table, resample_seeds=True)
    assert versus.difference.estimate == -0.5
    assert versus.p == pytest.approx(0.25)
    assert versus.mcnemar == {0: 0.5, 1: 0.5}
    assert versus.discordant_share == 0.5
    assert versus.visible is None  # four games show nothing


def test_p_values_are_corrected_for_the_whole_table(study, runs):
    """Other minus Ours: a 0 -1, b 0 -1, c 0 -1, d 1 -1: wins -1 -1 -1 0, p = 2/8. Two values of 1/4: Holm 1/2 each."""
    rows = fill(study.tables["table"], SeedResults(study, runs))
    found = comparisons(rows)
    assert [of.p for of in found] == pytest.approx([0.25, 0.25])
    assert [of.p_holm for of in found] == pytest.approx([0.5, 0.5])


def test_what_is_missing_is_named_and_not_counted(study, runs, keep):
    """Other: seed 1 is gone. Ours: seed 0 is whole. A row is compared over the seeds that both have."""
    gone = study.folder(runs, ROWS[2], 1, "unseen")
    (gone / "results.json").unlink()
    ours, _, other = fill(study.tables["table"], SeedResults(study, runs))
    assert ours.missing == ()
    assert other.missing == ("seed-1/other/evaluation/household-unseen-20-steps: evaluation not finished",)
    cell = other.cells["unseen"]
    assert (cell.by_seed, cell.success_rate, cell.sd) == ({0: 1.0}, 1.0, None)
    assert cell.versus_first.seeds == (0,)
    assert cell.versus_first.with_seeds is None
    assert cell.versus_first.difference.estimate == 0.25


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder, keep: keep(folder, "latent", "ab", "abc"), "latent has 3 of 4 games in run 0"),
        (lambda folder, keep: keep(folder, "text", "ab"), "latent not played"),
        (lambda folder, keep: None, "no evaluation"),
    ],
)
def test_an_incomplete_evaluation_is_missing_with_its_reason(study, runs, keep, damage, reason):
    folder = study.folder(runs, ROWS[2], 0, "unseen")
    for path in folder.iterdir():
        path.unlink()
    damage(folder, keep)
    other = fill(study.tables["table"], SeedResults(study, runs))[2]
    assert other.missing == (f"seed-0/other/evaluation/household-unseen-20-steps: {reason}",)
    assert list(other.cells["unseen"].by_seed) == [1]


def test_a_row_without_any_seed_has_no_number(study, runs):
    for seed in (0, 1):
        (study.folder(runs, ROWS[2], seed, "unseen") / "results.json").unlink()
    assert fill(study.tables["table"], SeedResults(study, runs))[2].cells["unseen"] is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_steps": 50}, "was played with max_steps 50, the study wants 20"),
        ({"policy": "expert"}, "was played with policy 'expert', the study wants 'actor'"),
        ({"protocol_version": 2}, r"follow different protocols \(1, 2\)"),
    ],
)
def test_other_settings_are_refused(study, runs, keep, settings, message):
    folder = study.folder(runs, ROWS[2], 0, "unseen")
    for path in folder.iterdir():
        path.unlink()
    keep(folder, "latent", "ab", **settings)
    with pytest.raises(EpisodesMismatch, match=message):
        SeedResults(study, runs)


def test_a_folder_without_evaluations_is_refused(study, tmp_path):
    with pytest.raises(EpisodesMismatch, match=r"wanted finished evaluations below .* and found none"):
        SeedResults(study, tmp_path)


def test_tables_are_written_as_markdown_json_and_picture(study, runs, tmp_path):
    out = tmp_path / "out"
    (study.folder(runs, ROWS[2], 1, "unseen") / "results.json").unlink()
    write_tables(SeedResults(study, runs), out, "interlat-report ...", "def5678")
    assert {path.name for path in out.iterdir()} == {"table.md", "table.json", "table.png"}
    text = (out / "table.md").read_text()
    assert "| Ours | 87.5 ± 17.7 | 4.00/6.00 |" in text
    assert "| Other | 1 | 100.0 [51.0, 100.0] | 0.5 | +25.0 [+0.0, +75.0] | - | 1 | 1 | - |" in text
    assert "- seed-1/other/evaluation/household-unseen-20-steps: evaluation not finished (Other)" in text
    assert "corrected for the 2 comparisons of this table" in text
    assert "4 games are too few" in text
    content = json.loads((out / "table.json").read_text())
    assert (content["protocol_version"], content["seeds"], content["games"]) == (1, [0, 1], {"unseen": 4})
    assert (content["command"], content["commit"]) == ("interlat-report ...", "def5678")
    assert content["commits_of_episodes"] == ["abc1234"]
    assert [row["splits"]["unseen"]["success_rate"] for row in content["rows"]] == [0.875, 0.375, 1.0]
    assert content["rows"][1]["splits"]["unseen"]["versus_first"]["mcnemar"] == {"0": 0.5, "1": 0.5}
    assert (out / "table.png").read_bytes().startswith(b"\x89PNG")


def test_measured_message_times_take_the_place_of_those_while_playing(study, runs, tmp_path):
    """Seeds 0 and 1: 2 s and 4 s for one, 32 s and 64 s for 32; a message takes 3 s and 1.5 s."""
    for seed, factor in ((0, 1), (1, 2)):
        times = [MessageTime(1, 5, 2.0 * factor, 1.0, 3.0, 20.0), MessageTime(32, 5, 32.0 * factor, 31.0, 33.0, 20.0)]
        write_message_times(study.folder(runs, ROWS[0], seed, "unseen"), {"latent": times}, {"processor": "x"})
    cells = _cells(study, runs)
    assert cells["Ours"].message_time == {1: 3.0, 32: 1.5}
    assert cells["No-Comm"].message_time == {}
    write_tables(SeedResults(study, runs), tmp_path / "out", "", "")
    text = (tmp_path / "out" / "table.md").read_text()
    assert "| s/message, batch 1 | s/message, batch 32 |" in text
    assert "| Ours | 2 | 87.5 [39.6, 98.7] | 3 | 1.5 |" in text
    assert "by the sender alone" in text


def test_message_times_of_other_conditions_stay_unless_the_machine_differs(tmp_path):
    time = MessageTime(1, 5, 2.0, 1.0, 3.0, 20.0)
    assert read_message_times(tmp_path) == {}
    write_message_times(tmp_path, {"latent": [time]}, {"processor": "x"})
    write_message_times(tmp_path, {"latent:8": [time]}, {"processor": "x"})
    assert read_message_times(tmp_path) == {"latent": (time,), "latent:8": (time,)}
    write_message_times(tmp_path, {"latent:4": [time]}, {"processor": "y"})
    assert read_message_times(tmp_path) == {"latent:4": (time,)}


@pytest.mark.parametrize("content", ["{", "[]", '{"machine": {}, "conditions": {"latent": [{"seconds": 1}]}}'])
def test_a_damaged_file_of_message_times_says_what_to_do(tmp_path, content):
    (tmp_path / "message_time.json").write_text(content)
    with pytest.raises(MessageTimeMismatch, match="delete it and measure again"):
        read_message_times(tmp_path)
