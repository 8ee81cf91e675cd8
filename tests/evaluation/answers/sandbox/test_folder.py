"""Folders that programs fill, nest and lock: watched without following anything, and removed whole."""

import os
from pathlib import Path

import pytest

from interlat.evaluation.answers.sandbox.folder import ScratchFolder, holds_too_much, remove
from interlat.evaluation.answers.sandbox.limits import Limits


def test_a_folder_is_gone_at_the_end_with_all_that_is_in_it(tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_text("kept")
    with ScratchFolder() as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "c").write_text("x")
        (folder / "a" / "link").symlink_to(tmp_path)
        (folder / "file link").symlink_to(kept)
        os.link(kept, folder / "hard link")
        os.mkfifo(folder / "pipe")
        (folder / "a" / "b").chmod(0)
        (folder / "a").chmod(0)
    assert not folder.exists()
    assert kept.read_text() == "kept"


def test_a_folder_deeper_than_any_path_may_be_is_removed(tmp_path: Path):
    before = os.getcwd()
    deep = tmp_path / "deep"
    deep.mkdir()
    try:
        os.chdir(deep)
        for _ in range(40):
            os.mkdir("a" * 200)
            os.mkdir("b")
            os.chdir("a" * 200)
    finally:
        os.chdir(before)
    assert holds_too_much(deep, Limits(folder_entries=10))
    remove(deep)
    assert not deep.exists()


@pytest.mark.parametrize(("files", "size", "too_much"), [(3, 10, False), (11, 10, True), (3, 40_000, True)])
def test_files_and_bytes_are_counted_at_any_depth(tmp_path: Path, files: int, size: int, too_much: bool):
    (tmp_path / "a").mkdir()
    for number in range(files):
        (tmp_path / "a" / str(number)).write_bytes(bytes(size))
    assert holds_too_much(tmp_path, Limits(folder_bytes=2**16, folder_entries=10)) is too_much


def test_what_a_link_points_to_does_not_count(tmp_path: Path):
    large, watched = tmp_path / "large", tmp_path / "watched"
    large.mkdir()
    watched.mkdir()
    for number in range(20):
        (large / str(number)).write_bytes(b"x")
    (watched / "link").symlink_to(large)
    assert not holds_too_much(watched, Limits(folder_entries=10))
