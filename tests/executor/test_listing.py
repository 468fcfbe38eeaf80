"""A listing is what the disk holds now, however often it is asked for."""

import os
import time
from pathlib import Path

import pytest

from executor import listing


def walk(place: Path) -> dict[str, list[str]]:
    return {folder: sorted(files) for folder, files in listing.walk(place)}


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def settle(*folders: Path) -> None:
    """Make folders look as if nothing had changed in them for a while."""
    old = time.time_ns() - 10 * listing.SETTLED
    for folder in folders:
        os.utime(folder, ns=(old, old))


def test_folders_are_relative_and_what_is_missing_is_empty(tmp_path: Path):
    put(tmp_path / "a", tmp_path / "x/b", tmp_path / "x/y/c")
    assert walk(tmp_path) == {"": ["a"], "x": ["b"], "x/y": ["c"]}
    assert walk(tmp_path / "nowhere") == {}


def test_what_has_settled_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / "a", tmp_path / "x/b")
    settle(tmp_path / "x", tmp_path)
    first = walk(tmp_path)
    monkeypatch.setattr(os, "scandir", lambda path: pytest.fail(f"{path} was read again"))
    assert walk(tmp_path) == first


@pytest.mark.parametrize("settled", [False, True])
def test_changes_show_at_once(tmp_path: Path, settled: bool):
    put(tmp_path / "x/b")
    if settled:
        settle(tmp_path / "x", tmp_path)
    assert walk(tmp_path) == {"": [], "x": ["b"]}
    put(tmp_path / "x/c", tmp_path / "z/d")
    assert walk(tmp_path) == {"": [], "x": ["b", "c"], "z": ["d"]}
    (tmp_path / "x/b").unlink()
    assert walk(tmp_path)["x"] == ["c"]


def test_a_change_within_one_tick_of_the_clock_is_not_missed(tmp_path: Path):
    now = time.time_ns()
    put(tmp_path / "a")
    os.utime(tmp_path, ns=(now, now))
    assert walk(tmp_path) == {"": ["a"]}
    put(tmp_path / "b")
    os.utime(tmp_path, ns=(now, now))  # as a coarse clock would have it
    assert walk(tmp_path) == {"": ["a", "b"]}


def test_links_are_followed_each_folder_once_and_by_what_they_lead_to_now(tmp_path: Path):
    place, other = tmp_path / "place", tmp_path / "other"
    put(place / "a", other / "b")
    (place / "loop").symlink_to(place)
    (place / "link").symlink_to(other)
    (place / "file").symlink_to(tmp_path / "later")
    settle(place, other)
    assert walk(place) == {"": ["a", "file"], "link": ["b"]}
    put(tmp_path / "later/c")
    assert walk(place) == {"": ["a"], "link": ["b"], "file": ["c"]}
