"""Saved files count on, never overwrite, never leave their folder, and are whole or not there."""

import errno
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from executor import output_files
from executor.files import FileProblem, Files
from executor.output_files import Pieces, fill, save, texts

NOW = datetime(2026, 3, 4, 5, 6, 7)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


class Parts:
    """What is too large to be held."""

    def __init__(self, *parts: bytes | memoryview):
        self.parts = parts

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return iter(self.parts)


def names(files: Files, prefix: str, *contents: bytes | Pieces) -> list[str]:
    return [entry["filename"] for entry in save(files, "output", prefix, "png", contents)]


def test_names_count_on(files: Files):
    assert names(files, "a", b"1", b"2") == ["a_00001_.png", "a_00002_.png"]
    assert names(files, "a", b"3") == ["a_00003_.png"]
    assert names(files, "ab", b"4") == ["ab_00001_.png"]
    assert (files.root("output") / "a_00002_.png").read_bytes() == b"2"


def test_what_comes_in_pieces_is_one_file_or_none(files: Files):
    assert names(files, "a", Parts(b"12", memoryview(b"34"))) == ["a_00001_.png"]
    assert (files.root("output") / "a_00001_.png").read_bytes() == b"1234"

    class Broken(Parts):
        def __iter__(self) -> Iterator[bytes | memoryview]:
            yield b"1"
            raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        names(files, "a", Broken())
    assert [p.name for p in files.root("output").iterdir()] == ["a_00001_.png"]


def test_the_counter_is_one_more_than_the_highest(files: Files):
    files.root("output").mkdir()
    for taken in ("a_00007_.png", "a_99999_.webp", "b_123456_.png", "a_x_.png", "a.png", "a_00100_.png"):
        (files.root("output") / taken).touch()
    assert names(files, "a", b"") == ["a_100000_.png"]
    assert names(files, "b", b"") == ["b_123457_.png"]
    assert names(files, "c", b"") == ["c_00001_.png"]


def test_each_of_a_batch_may_say_its_place(files: Files):
    assert names(files, "n%batch_num%", b"", b"") == ["n0_00001_.png", "n1_00002_.png"]
    assert names(files, "n%batch_num%", b"") == ["n0_00003_.png"]


def test_a_prefix_may_begin_with_folders(files: Files):
    (entry,) = save(files, "output", "2026/march\\a", "png", [b"x"])
    assert entry == {"filename": "a_00001_.png", "subfolder": "2026/march", "type": "output"}
    assert (files.root("output") / "2026" / "march" / "a_00001_.png").read_bytes() == b"x"


@pytest.mark.parametrize("prefix", ["../a", "a/../../b", "/tmp/a", "..\\a", "a\0b", "link/a"])
def test_a_prefix_never_leads_out(files: Files, prefix: str, tmp_path: Path):
    files.root("output").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (files.root("output") / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileProblem):
        names(files, prefix, b"x")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_full_disk_leaves_nothing_behind(files: Files, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileProblem, match="'a' cannot be written to output/: No space left"):
        names(files, "a", b"x")
    assert list(files.root("output").iterdir()) == []


def test_no_links_on_the_file_system(files: Files, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert names(files, "a", b"1", b"2") == ["a_00001_.png", "a_00002_.png"]
    assert sorted(p.read_bytes() for p in files.root("output").iterdir()) == [b"1", b"2"]


def test_no_links_and_a_taken_name(files: Files, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(output_files, "_next", lambda folder, stem: 1)  # as if another had counted at the same time
    assert names(files, "a", b"1") + names(files, "a", b"2") == ["a_00001_.png", "a_00002_.png"]
    assert (files.root("output") / "a_00001_.png").read_bytes() == b"1"


def test_a_prefix_is_no_regular_expression(files: Files):
    files.root("output").mkdir()
    (files.root("output") / "axb_00005_.png").touch()
    assert names(files, "a.b", b"") == ["a.b_00001_.png"]


def test_a_file_where_a_folder_should_be(files: Files):
    files.root("output").mkdir()
    (files.root("output") / "x").touch()
    with pytest.raises(FileProblem, match="'x/a' cannot be written to output/"):
        names(files, "x/a", b"")


def test_saved_files_have_the_permissions_of_any_other(files: Files):
    (name,) = names(files, "a", b"")
    (files.base / "plain").touch()
    assert (files.root("output") / name).stat().st_mode == (files.base / "plain").stat().st_mode


def write_many(base: Path, content: bytes) -> list[str]:
    return names(Files(base), "a", *[content] * 20)


def test_two_processes_at_once_never_overwrite(tmp_path: Path):
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        first, second = pool.map(write_many, [tmp_path] * 2, [b"1", b"2"])
    assert len({*first, *second}) == 40
    written = {p.name: p.read_bytes() for p in (tmp_path / "output").iterdir()}
    assert written == {n: b"1" for n in first} | {n: b"2" for n in second}


PROMPT = {
    "1": {"class_type": "KSampler", "inputs": {"seed": 5, "model": ["2", 0]}, "_meta": {"title": "My sampler"}},
    "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/a.safetensors"}},
}


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("a", "a"),
        ("%year%-%month%-%day% %hour%.%minute%.%second%", "2026-03-04 05.06.07"),
        ("%date:yyyy-MM-dd%/%date:hhmmss%", "2026-03-04/050607"),
        ("%width%x%height%", "8x6"),
        ("%KSampler.seed%", "5"),
        ("%My sampler.seed%", "5"),
        ("%CheckpointLoaderSimple.ckpt_name%", "sd_a.safetensors"),
        ("%KSampler.model%", "%KSampler.model%"),
        ("%Nothing.seed%", "%Nothing.seed%"),
        ("%batch_num%", "%batch_num%"),
        ("100%", "100%"),
    ],
)
def test_patterns(prefix: str, name: str):
    assert fill(prefix, PROMPT, NOW, 8, 6) == name


def test_texts_are_ascii_json_in_order():
    got = texts(PROMPT, {"workflow": {"title": "é"}, "other": [1]})
    assert list(got) == ["prompt", "workflow", "other", "mezzotint"]
    assert all(text.isascii() for text in got.values())
    assert json.loads(got["prompt"]) == PROMPT
    assert json.loads(got["workflow"]) == {"title": "é"}
    assert json.loads(got["mezzotint"])["version"]
