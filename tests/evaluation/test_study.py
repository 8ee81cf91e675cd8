"""Descriptions of studies: those that come with the library, and what is said of wrong ones."""

from pathlib import Path

import pytest

from interlat.errors import InvalidSetting
from interlat.evaluation.study import read_study

TABLES = Path(__file__).parents[2] / "recipes" / "tables"
GOOD = """
env: household
max_steps: 20
splits: [seen, unseen]
seeds: [0, 1]
tables:
  table1:
    title: A table
    rows:
      - {label: Ours, run: "seed-{seed}/stage1", condition: latent}
      - {label: Cut, run: "seed-{seed}/stage1", condition: "latent:90%"}
"""


@pytest.mark.parametrize("name", ["household", "published"])
def test_the_papers_tables_have_their_rows(name):
    study = read_study(TABLES / f"{name}.yaml")
    assert list(study.tables) == ["table1", "table3", "table4", "table6"]
    labels = {table: [row.label for row in of.rows] for table, of in study.tables.items()}
    assert labels["table1"][:6] == ["Ours", "Text", "No-Comm", "CoT (full)", "No-CoT", "CrossTask"]
    assert len(labels["table1"]) == 15
    lengths = ["16", "8", "4", "2", "1"] if name == "household" else ["128", "64", "32", "16", "8", "4", "2", "1"]
    shares = ["full", *(f"{share} %" for share in (90, 80, 70, 60, 50, 40, 30, 20, 10, 5, 0))]
    trained = [f"{length}, {how}" for how in ("untrained", "trained") for length in lengths]
    keyless = ["4"] if name == "household" else []  # L_key is our addition: the household recipes alone have it
    assert labels["table3"] == [*shares, *trained, *(f"{length}, trained without L_key" for length in keyless)]
    assert labels["table4"] == ["full", "no curriculum", "no L_sep", "no L_align", "no adapter"]
    assert labels["table6"] == ["full", "no L_task", "no L_pref", "no L_geom", *(["no L_key"] if keyless else [])]


def test_a_description_is_read_as_written(tmp_path):
    (tmp_path / "study.yaml").write_text(GOOD)
    study = read_study(tmp_path / "study.yaml")
    assert (study.env, study.max_steps, study.splits, study.seeds) == ("household", 20, ["seen", "unseen"], [0, 1])
    assert [(row.label, row.condition) for row in study.tables["table1"].rows] == [
        ("Ours", "latent"),
        ("Cut", "latent:90%"),
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("title:", "name:", "'name' is not accepted"),
        ("seeds: [0, 1]", "", "study.seeds"),
        ("seeds: [0, 1]", "seeds: [0, 0]", r"a study needs seeds, each once, got \[0, 0\]"),
        ("splits: [seen, unseen]", "splits: [sean]", "sean"),
        ("env: household", "env: houses", "houses"),
        ("seed-{seed}/stage1", "stage1", r"run of row 'Ours' must have \{seed\}"),
        ("condition: latent}", "condition: fog}", "no message or method is called 'fog'"),
        ("condition: latent}", "condition: 'latent,text'}", "row 'Ours' wants one condition"),
        ("label: Cut", "label: Ours", r"rows with labels of their own, got \['Ours'\]"),
        ("tables:", "tables: [", "wanted the description of a study in"),
    ],
)
def test_a_wrong_description_is_named(tmp_path, right, wrong, message):
    assert right in GOOD
    (tmp_path / "study.yaml").write_text(GOOD.replace(right, wrong, 1))
    with pytest.raises(InvalidSetting, match=message):
        read_study(tmp_path / "study.yaml")


def test_a_missing_description_says_what_was_wanted(tmp_path):
    with pytest.raises(InvalidSetting, match=r"like recipes/tables/household.yaml, but .*No such file"):
        read_study(tmp_path / "none.yaml")
