"""Stability as it is shown: tables, results, and a picture."""

import json
from io import StringIO
from math import log

import pytest
from matplotlib.figure import Figure
from rich.console import Console

from interlat.evaluation.accuracy import tables_of
from interlat.evaluation.results import results_of
from interlat.evaluation.stability_chart import draw_entropy
from interlat.evaluation.stability_results import stability_of
from interlat.evaluation.stability_tables import stability_tables

ACCOUNT = {
    "agent": "single",
    "output_tokens": 1,
    "latent_steps": 0,
    "prefill_positions": 1,
    "kv_bytes": 0,
    "seconds": 1.0,
}


@pytest.fixture
def groups(episode):
    """Two problems in two runs. Perplexity 4 and 2; right in 2 and 1 of 2 runs, and in 0 and 0."""

    def group(message, nll, won):
        of = {"message": message, "grading": "number", "accounts": (ACCOUNT,), "invalid_actions": 0}
        return [
            episode(
                game,
                right,
                1,
                run=run,
                observations=("q", "Right." if right else "Wrong: 3"),
                token_nll=(nll, nll),
                token_entropies=(1.0, nll),
                **of,
            )
            for game, by_run in won.items()
            for run, right in enumerate(by_run)
        ]

    return {
        "single": group("single", log(4), {"a": (True, True), "b": (False, True)}),
        "latent-mas": group("latent-mas", log(2), {"a": (False, False), "b": (False, False)}),
    }


def _text(tables, width=110):
    console = Console(width=width, record=True, file=StringIO(), no_color=True)
    console.print(*tables)
    return console.export_text()


def _rows(text, name):
    return [line.split() for line in text.splitlines() if line.strip().startswith(f"{name} ")]


def test_both_tables_show_what_was_found(groups):
    text = _text(stability_tables(groups))
    assert "…" not in text
    assert "− single [95 %]" in text
    sure, alike = _rows(text, "latent-mas")
    assert sure == ["latent-mas", "4", "8", "2.000", "[2.000,", "2.000]", "-2.000", "[-2.000,", "-2.000]", "0.847"]
    # Both runs of each problem say 3: agreement 100 %, and the majority is wrong.
    assert alike == ["latent-mas", "2", "2", "2/0/0", "0.0", "[0,66]", "0.0", "[0,66]", "100.0"]
    # Of b's two answers, each given once, the first counts.
    assert _rows(text, "single")[1][3:] == ["0/1/1", "100.0", "[34,100]", "50.0", "[9,91]", "75.0"]


def test_a_table_is_left_out_where_it_has_nothing_to_say(groups, episode):
    once = {"single": [record for record in groups["single"] if record.run == 0]}
    assert len(stability_tables(once)) == 1
    assert "−" not in _text(stability_tables(once)).replace("−log", "")
    plain = {"single": [episode("a", run=run) for run in (0, 1)]}
    (table,) = stability_tables(plain)
    assert _rows(_text([table]), "single")[0][-2:] == ["-", "-"]
    assert stability_tables({"single": [episode()]}) == []


def test_methods_are_shown_with_it_and_games_are_not(groups, episode):
    titles = [table.title for table in tables_of("gsm8k", "unseen", groups, "")]
    assert [title.split()[0] for title in titles] == [
        "gsm8k",
        "same",
        "perplexity",
        "self-consistency:",
        "cost",
        "cost",
    ]
    games = {"none": [episode("a", run=run) for run in (0, 1)]}
    assert not any("consistency" in table.title for table in tables_of("gsm8k", "unseen", games, ""))
    assert "stability" not in results_of(games["none"], {"protocol_version": 1, "max_steps": 1}, "", "")


def test_results_hold_what_tables_show(groups):
    records = [record for group in groups.values() for record in group]
    results = results_of(records, {"protocol_version": 1, "max_steps": 1}, "", "")
    assert list(results)[-1] == "stability"
    found = json.loads(json.dumps(results["stability"]))
    assert list(found) == ["single", "latent-mas"]
    assert (found["single"]["perplexity"], found["single"]["tokens"]) == (pytest.approx(4), 8)
    assert found["latent-mas"]["versus single"]["difference"] == pytest.approx(-2)
    assert found["single"]["entropy_curve"] == {"entropies": [1.0, round(log(4), 4)], "running": [4, 4]}
    assert found["single"]["self_consistency"]["right_counts"] == [0, 1, 1]
    assert found["single"]["self_consistency"]["majority"]["accuracy"] == 0.5


def test_what_was_not_measured_has_no_perplexity_and_is_nobodys_yardstick(groups, episode):
    mixed = {"single": [episode("a"), episode("b")], **{"latent-mas": groups["latent-mas"]}}
    assert list(stability_of(mixed)) == ["latent-mas"]
    assert not any(key.startswith("versus") for key in stability_of(mixed)["latent-mas"])


def test_the_picture_has_a_line_a_condition(groups, tmp_path, monkeypatch):
    drawn, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *args, **kwargs: (drawn.append(figure), save(figure, *args, **kwargs))
    )
    draw_entropy(groups, tmp_path / "new" / "stability.png")
    assert (tmp_path / "new" / "stability.png").read_bytes().startswith(b"\x89PNG")
    entropy, running = drawn[0].axes
    solid = [line for line in entropy.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in solid] == ["single", "latent-mas"]
    assert solid[1].get_ydata() == pytest.approx([1.0, log(2)])
    assert list(solid[1].get_xdata()) == [1, 2]
    assert list(running.lines[0].get_ydata()) == [4, 4]


def test_a_line_is_dotted_where_few_answers_are_left(episode, tmp_path, monkeypatch):
    """Eleven answers of two tokens, one of which goes on for two more: 1 of 11 is under a tenth."""
    drawn, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *args, **kwargs: (drawn.append(figure), save(figure, *args, **kwargs))
    )
    lengths = [4] + [2] * 10
    records = [
        episode(str(game), token_nll=(0.0,) * length, token_entropies=(2.0, 1.0, 5.0, 6.0)[:length])
        for game, length in enumerate(lengths)
    ]
    draw_entropy({"single": records, "nobody": [episode("a")]}, tmp_path / "stability.png")
    solid, dotted = drawn[0].axes[0].lines
    assert (solid.get_linestyle(), list(solid.get_xdata()), list(solid.get_ydata())) == ("-", [1, 2], [2, 1])
    assert (dotted.get_linestyle(), list(dotted.get_xdata()), list(dotted.get_ydata())) == (":", [2, 3, 4], [1, 5, 6])
    assert solid.get_color() == dotted.get_color()
