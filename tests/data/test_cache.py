"""Folders named by their settings."""

from pathlib import Path

from interlat.data.cache import content_folder


def test_equal_settings_share_a_folder_in_whatever_order():
    one = content_folder("root", "records", {"a": 1, "b": {"c": 2, "d": 3}})
    other = content_folder(Path("root"), "records", {"b": {"d": 3, "c": 2}, "a": 1})
    assert one == other
    assert one.parent == Path("root")
    assert one.name.startswith("records-")


def test_other_settings_have_another_folder():
    settings = [{"a": 1}, {"a": 2}, {"a": "1"}, {"b": 1}, {"a": 1, "b": None}, {"a": True}, {}]
    assert len({content_folder("root", "records", each) for each in settings}) == len(settings)
    assert content_folder("root", "latents", {"a": 1}).name != content_folder("root", "records", {"a": 1}).name
