"""Lists on the canvas: made from text, tables, folders and models; taken apart and put together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nodes
from executor.cache import Cache
from executor.check import check, outputs
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.plan import make_plan
from executor.run import execute
from tests.executor.toys import TOYS, api

assert nodes.__name__
SPECS = {**registry, **TOYS}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A few lists, and a folder of pictures."""
    folder = tmp_path / "input" / "faces"
    folder.mkdir(parents=True)
    for name, value in (("10.png", 10), ("2.png", 2)):
        Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(folder / name)
    (tmp_path / "input" / "empty").mkdir()
    (tmp_path / "input" / "words.txt").write_text("one\n\ntwo\n")
    (tmp_path / "input" / "table.csv").write_text('name,text\na,"red, round"\nb,blue\n')
    (tmp_path / "input" / "ragged.csv").write_text("name,text\na,red, round\n")
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    for name in ("tiny.safetensors", "big.safetensors"):
        (tmp_path / "models" / "checkpoints" / name).write_bytes(b"")
    return Files(tmp_path)


def go(files: Files, type_: str, slot: int = 0, cache: Cache | None = None, **inputs: Any) -> list[Any]:
    """What a node gives, item by item; Range nodes r0, r1... may be linked."""
    graph = api(n=(type_, inputs), o=("PreviewAny", {"source": ["n", slot]}))
    graph |= api(**{f"r{n}": ("Range", {"n": n}) for n in range(6)})
    made = read(graph)
    wrong = [str(p) for p in check(made, SPECS, files) if p.severity == "error"]
    assert not wrong, wrong
    outcome = execute(make_plan(made, SPECS, ["n", *outputs(made, SPECS)], files), files=files, cache=cache)
    if outcome.failed:
        raise ValueError(outcome.failed[0].message)
    return outcome.values["n"][slot]


def test_lists_are_made_of_lines_numbers_and_other_lists(files: Files):
    assert go(files, "ListFromText", text="a\n\n  b c  \n") == ["a", "b c"]
    assert go(files, "ListRange", first=5, last=1, step=-2) == [5, 3, 1]
    assert go(files, "ListRangeFloat", first=0.1, last=0.3, step=0.1) == [0.1, 0.2, 0.3]
    assert [type(n) for n in go(files, "ListRangeFloat", first=0, last=1, step=1)] == [float, float]
    assert go(files, "ListBuild", item1=["r2", 0], item3=["r3", 0]) == [0, 1, 0, 1, 2]
    assert go(files, "ListBuild") == []


def test_lists_are_read_from_files_and_again_when_those_change(files: Files):
    cache = Cache()
    assert go(files, "ListFromFile", file="words.txt", cache=cache) == ["one", "two"]
    (files.root("input") / "words.txt").write_text("three")
    assert go(files, "ListFromFile", file="words.txt", cache=cache) == ["three"]
    assert go(files, "ListFromFile", file="table.csv", column="text") == ["red, round", "blue"]


def test_the_pictures_of_a_folder_are_a_list_and_again_when_one_is_added(files: Files):
    cache = Cache()
    images = go(files, "ListOfImages", folder="faces", cache=cache)
    assert [round(float(image.mean()) * 255) for image in images] == [2, 10]
    assert go(files, "ListOfImages", slot=1, folder="faces", cache=cache) == ["2.png", "10.png"]
    (files.root("input") / "faces" / "2.png").rename(files.root("input") / "faces" / "11.png")
    assert go(files, "ListOfImages", slot=1, folder="faces", cache=cache) == ["10.png", "11.png"]


def test_models_are_a_list(files: Files):
    assert go(files, "ListOfModels") == ["big.safetensors", "tiny.safetensors"]
    assert go(files, "ListOfModels", containing="TINY") == ["tiny.safetensors"]


def test_lists_are_taken_apart_and_paired(files: Files):
    assert go(files, "ListLength", list=["r5", 0]) == [5]
    assert go(files, "ListItem", list=["r5", 0], index=-1) == [4]
    assert go(files, "ListSlice", list=["r5", 0], first=1, count=3) == [1, 2, 3]
    assert go(files, "ListSlice", list=["r5", 0], first=-2, count=9) == [3, 4]
    assert go(files, "ListPairs", first=["r2", 0], second=["r3", 0]) == [0, 0, 0, 1, 1, 1]
    assert go(files, "ListPairs", slot=1, first=["r2", 0], second=["r3", 0]) == [0, 1, 2, 0, 1, 2]
    assert go(files, "ListToText", list=["r2", 0], before="seed ") == ["seed 0", "seed 1"]
    assert go(files, "ListLength", list=["r0", 0]) == [0]
    assert go(files, "Accumulate", so_far=["r2", 0], item=["r3", 0]) == [0, 1, 0, 1, 2]


@pytest.mark.parametrize(
    ("type_", "inputs", "message"),
    [
        ("ListItem", {"list": ["r3", 0], "index": 3}, "index is 3, and the list ends before that: it has 3 items"),
        ("ListItem", {"list": ["r0", 0], "index": 0}, "index is 0, and the list ends before that: it is empty"),
        ("ListSlice", {"list": ["r3", 0], "first": -4}, "first is -4, and the list ends before that"),
        ("ListFromText", {"text": " \n "}, "the text has no lines with something on them"),
        ("ListRange", {"first": 5, "last": 1}, "5 to 1: with a step of 1, 5 never gets to 1"),
        ("ListRange", {"step": 0}, "1 to 4: a step of 0 never gets there"),
        ("ListRangeFloat", {"first": 0, "last": 1e9, "step": 0.01}, "0.0 to 1000000000.0 has more than 100,000"),
        ("ListFromFile", {"file": "ragged.csv", "column": "text"}, "ragged.csv: row 2 has 3 fields where the first"),
        ("ListFromFile", {"file": "table.csv", "column": "txt"}, "table.csv has no column 'txt'; it has name, text"),
        ("ListOfImages", {"folder": "empty"}, "the folder empty has no pictures"),
        ("ListOfModels", {"folder": "loras"}, "there is no model in models/loras"),
        ("ListOfModels", {"containing": "x"}, "there is no model with 'x' in its name in models/checkpoints"),
    ],
)
def test_lists_that_cannot_be_say_why(files: Files, type_: str, inputs: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=r"\w") as caught:
        go(files, type_, **inputs)
    assert str(caught.value).startswith(message)
