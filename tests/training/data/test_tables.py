"""Tables written by csv, json and pyarrow are read as they meant; damaged ones are told."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.making import picture
from training.data import DataError, read_folder
from training.data.tables import read_table, texts

ROWS: list[dict[str, Any]] = [
    {"file": "a.png", "caption": 'a "red" apple, on a plate\nof two lines', "label": 3},
    {"file": "sub/b.png", "caption": "une pêche 🍑", "label": 0},
    {"file": "c.png", "caption": '["first", "second"]', "label": 12},
]
EXPECTED = {
    "a.png": (('a "red" apple, on a plate\nof two lines',), 3),
    "b.png": (("une pêche 🍑",), 0),
    "c.png": (("first", "second"), 12),
}


def write_csv(path: Path, rows: list[dict[str, Any]], **options: Any) -> None:
    with path.open("w", newline="", encoding=options.pop("encoding", "utf-8")) as file:
        writer = csv.DictWriter(file, list(rows[0]), **options)
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def renamed(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row.values(), strict=True)) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "sub/b.png", "c.png"):
        picture(tmp_path / name)
    return tmp_path


def said(folder: Path, captions: str = "table") -> dict[str, tuple[tuple[str, ...], int | None]]:
    found = read_folder(folder, captions=captions)
    assert not found.skipped
    return {example.path.name: (example.captions, example.label) for example in found.examples}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv(folder: Path, delimiter: str, encoding: str):
    write_csv(folder / "captions.csv", ROWS, delimiter=delimiter, encoding=encoding)
    assert said(folder) == EXPECTED


@pytest.mark.parametrize("file", ["file", "file_name", "filename", "path", " File_Name "])
@pytest.mark.parametrize(("caption", "label"), [("caption", "class"), ("text", "label"), ("captions", "Class")])
def test_columns_have_several_names(folder: Path, file: str, caption: str, label: str):
    write_csv(folder / "metadata.csv", renamed(ROWS, file, caption, label))
    assert said(folder) == EXPECTED


def test_lines_of_json(folder: Path):
    lines = [json.dumps(row) for row in renamed(ROWS, "file_name", "text", "label")]
    (folder / "metadata.jsonl").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    assert said(folder) == EXPECTED


def test_parquet(folder: Path):
    write_parquet(folder / "train.parquet", ROWS)
    assert said(folder) == EXPECTED


def test_parquet_may_have_lists_and_gaps_and_other_columns(folder: Path):
    rows = [
        {"path": "a.png", "captions": ["x", "y"], "label": 1.0, "image": b"\0" * 100},
        {"path": "sub/b.png", "captions": ["z"], "label": None, "image": None},
        {"path": "c.png", "captions": None, "label": 2.0, "image": None},
    ]
    write_parquet(folder / "train.parquet", rows)
    assert said(folder) == {"a.png": (("x", "y"), 1), "b.png": (("z",), None), "c.png": ((), 2)}


def test_without_pyarrow_the_remedy_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "train.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for way in ("auto", "table"):
        with pytest.raises(DataError, match="pip install pyarrow"):
            read_folder(folder, captions=way)
    assert "pyarrow" in read_folder(folder, captions="name").skipped[0]
    (folder / "a.txt").write_text("an apple")
    assert [e.captions for e in read_folder(folder).examples] == [("an apple",)]


def test_a_table_of_a_lower_folder_counts_there_first(folder: Path):
    write_csv(folder / "captions.csv", ROWS)
    write_csv(folder / "sub/metadata.csv", [{"file_name": "b.png", "text": "nearer"}])
    assert said(folder)["b.png"] == (("nearer",), None)


def test_rows_of_one_picture_are_several_captions(tmp_path: Path):
    rows = [{"file": "a.png", "caption": text} for text in ("one", "two", "one")]
    write_csv(tmp_path / "captions.csv", rows)
    assert read_table(tmp_path / "captions.csv").rows["a.png"].captions == ("one", "two")


def test_names_may_be_spelt_otherwise(tmp_path: Path):
    picture(tmp_path / "sub" / "pe\u0302che.png")
    write_csv(tmp_path / "captions.csv", [{"file": ".\\sub\\p\u00eache.png", "caption": "peach"}])
    assert said(tmp_path) == {"pe\u0302che.png": (("peach",), None)}


def test_labels_without_captions_are_enough_to_learn_classes(folder: Path):
    write_csv(folder / "metadata.csv", [{"file_name": r["file"], "label": r["label"]} for r in ROWS])
    assert {name: label for name, (_, label) in said(folder, "none").items()} == {"a.png": 3, "b.png": 0, "c.png": 12}


def test_labels_that_are_no_numbers_are_noted(folder: Path):
    labels = ["cat", "-1", "1.5"]
    write_csv(folder / "captions.csv", [{**r, "label": n} for r, n in zip(ROWS, labels, strict=True)])
    found = read_folder(folder)
    assert {example.label for example in found.examples} == {None}
    assert any("no whole number" in note and "a.png" in note for note in found.notes)


def test_rows_without_a_picture_are_noted_and_lead_nowhere(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    secret = picture(tmp_path_factory.mktemp("outside") / "secret.png")
    lost = [{"file": name, "caption": "x", "label": 1} for name in (str(secret), "../secret.png", "gone.png", "")]
    write_csv(folder / "captions.csv", ROWS + lost)
    found = read_folder(folder)
    assert len(found.examples) == 3
    (note,) = [n for n in found.notes if "not there" in n]
    assert "gone.png" in note
    assert "../secret.png" in note


BAD: dict[str, tuple[bytes, str]] = {
    "captions.csv": ("file,caption\na.png,une pêche\n".encode("latin-1"), "UTF-8"),
    "metadata.csv": (b"name,words\na.png,x\n", "file_name"),
    "metadata.jsonl": (b'{"file_name": "a.png", "text": "x"}\n{"file_name', "line 2"),
    "a.parquet": (b"PAR1 no", "Parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_table_is_told_and_no_other_words_stand_in_for_its_own(folder: Path, name: str):
    content, word = BAD[name]
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (folder / name).write_bytes(content)
    for way in ("auto", "table"):
        with pytest.raises(DataError, match=word):
            read_folder(folder, captions=way, trigger="owl")
    (folder / "a.txt").write_text("an apple")
    found = read_folder(folder)
    assert [example.captions for example in found.examples] == [("an apple",)]
    assert name in found.skipped[0]
    assert sorted(sentence.split()[0] for sentence in found.skipped[1:]) == ["c.png", "sub/b.png"]


ODD = [{"text": "no name"}, {"file_name": 3, "text": "x"}, {"file_name": "c.png", "text": 5}]


@pytest.mark.parametrize("odd", [*ODD, {"file_name": "c.png", "text": "half \ud83c"}])
def test_a_row_that_makes_no_sense_is_noted_and_the_others_count(folder: Path, odd: dict[str, Any]):
    lines = [json.dumps(row) for row in [odd, odd, {"file_name": "a.png", "text": "an apple"}]]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    found = read_folder(folder)
    assert found.examples[0].captions == ("an apple",)
    assert found.notes[0].startswith("metadata.jsonl, row 1: ")
    assert found.notes[0].endswith("; this row and 1 more are not used")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_parquet_is_read_or_told(tmp_path: Path, seed: int):
    path = tmp_path / "a.parquet"
    write_parquet(path, ROWS * 20)
    data, random = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for place in random.integers(0, len(data), 8):
        data[place] = random.integers(256)
    path.write_bytes(data)
    message = told(path)
    assert message is None or "a.parquet" in message


def told(path: Path) -> str | None:
    """What is said of a table that cannot be read."""
    try:
        read_table(path)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"file,caption\n",
        b'file,caption\n"a.png,never closed',
        b"file,caption\na.png,\0\n",
        b"file,caption\na.png," + b"x" * 200_000,
        b"file,caption\na.png,x,too,many\n",
        b"file,caption\na.png\n",
        b"file,file\na.png,b.png\n",
        b"[[[[",
    ],
)
def test_strange_csv_is_read_or_told(tmp_path: Path, content: bytes):
    (tmp_path / "captions.csv").write_bytes(content)
    message = told(tmp_path / "captions.csv")
    assert message is None or "captions.csv" in message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_an_error_that_names_it(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.mktemp("tables")
    for name in ("captions.csv", "metadata.jsonl"):
        (folder / name).write_bytes(content)
        message = told(folder / name)
        assert message is None or name in message


@given(st.lists(st.text().filter(lambda text: text.strip())))
def test_a_list_as_text_is_the_list(captions: list[str]):
    assert texts(json.dumps(captions), lists=True) == tuple(text.strip() for text in captions)


@pytest.mark.parametrize("text", ["[1, 2]", "[a sign in brackets]", '["half', "[" * 10_000])
def test_words_in_brackets_are_words(text: str):
    assert texts(text, lists=True) == (text,)
