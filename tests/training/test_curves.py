"""The picture of a run: every logged value at its step, and an interrupted run as one curve."""

import os
from pathlib import Path

from interlat.training.curves import draw_curves, read_curves

FIRST = "epoch,step,train/loss,val/loss\n0,1,4.0,\n0,2,3.0,\n0,2,,3.5\n0,3,9.0,\n"
CONTINUED = "epoch,step,train/loss,val/loss\n0,3,2.0,\n0,4,1.0,\n0,4,,1.5\n"


def logged(folder: Path) -> Path:
    for number, text in enumerate((FIRST, CONTINUED)):
        path = folder / "metrics" / f"version_{number}" / "metrics.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        os.utime(path, (number, number))
    return folder


def test_a_run_that_went_on_is_one_curve_and_the_later_value_holds(tmp_path: Path):
    assert read_curves(logged(tmp_path)) == {
        "train/loss": [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)],
        "val/loss": [(2, 3.5), (4, 1.5)],
    }


def test_losses_are_drawn_and_a_run_without_a_log_is_not(tmp_path: Path):
    assert draw_curves(logged(tmp_path), tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    assert not draw_curves(tmp_path / "empty", tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
