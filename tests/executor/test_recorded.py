"""Saved files tell which models they were made with; these are found again under any name."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import pytest

from executor import output_files, recorded
from executor.cache import Cache
from executor.files import Files
from executor.graph import read
from executor.hashes import Hashes
from executor.making import Making
from executor.node import ExtraPngInfo, Folder, NodeSpec, Prompt, Shown, node
from executor.plan import make_plan
from executor.reproduce import reproduce
from executor.run import execute
from executor.store import Disk
from executor.types import Socket
from executor.workflow.document import Document

NODES: dict[str, NodeSpec] = {}


@node("Load", category="tests", into=NODES)
def load_model(*, name: Annotated[str, Folder("loras")], other: Annotated[str, Folder("vae")] = "none") -> str:
    return name


@node("Save", category="tests", output_node=True, into=NODES)
async def save(
    *, value: Annotated[Any, Socket("*")], prompt: Prompt, extra_pnginfo: ExtraPngInfo, files: Files
) -> Shown[None]:
    texts = output_files.texts(prompt, extra_pnginfo)
    return Shown({"texts": [texts]}, None)


GRAPH = {
    "1": {"class_type": "Load", "inputs": {"name": "a.safetensors"}},
    "2": {"class_type": "Save", "inputs": {"value": ["1", 0]}},
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    put(tmp_path, "a.safetensors", b"one")
    (tmp_path / "models/vae").mkdir()
    (tmp_path / "models/vae/none.pt").write_bytes(b"v")
    return Files(tmp_path)


def put(base: Path, name: str, content: bytes) -> Path:
    path = base / "models/loras" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def saved(files: Files) -> dict[str, str]:
    """The texts that a run of the graph saves."""
    graph = {**GRAPH, "1": {"class_type": "Load", "inputs": {"name": "a.safetensors", "other": "none.pt"}}}
    plan = make_plan(read(graph), NODES, ["2"], files, salt="fp32 cpu")
    return execute(plan, files=files, cache=Cache(disk=Disk(files.base / "cache"))).shown["2"]["texts"][0]


def test_a_saved_file_tells_what_it_was_made_with(files: Files):
    texts = saved(files)
    told = json.loads(texts["mezzotint"])
    assert list(texts) == ["prompt", "mezzotint"]
    assert told["models"] == [
        {"folder": "loras", "name": "a.safetensors", "size": 3, "sha256": sha256(b"one")},
        {"folder": "vae", "name": "none.pt", "size": 1, "sha256": sha256(b"v")},
    ]
    assert told["settings"] == "fp32 cpu"
    assert told["device"]
    assert told["version"] == output_files.version()
    key = make_plan(read(json.loads(texts["prompt"])), NODES, ["2"], files, salt="fp32 cpu").steps["1"].key
    assert told["keys"] == {"value": key}


def test_nodes_that_start_at_once_wait_for_the_same_reading(files: Files):
    plan = make_plan(read(GRAPH), NODES, ["2"], files)
    for _ in range(200):
        making = Making(plan, files, Hashes(None), lambda: False)
        with ThreadPoolExecutor(4) as threads:
            told = list(threads.map(lambda _, making=making: making.of(plan.steps["2"]), range(4)))
        assert all(len(each["models"]) == 1 for each in told)


def test_a_file_is_read_once_and_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = put(tmp_path, "a.bin", b"one")
    assert Hashes(tmp_path).of(path) == sha256(b"one")
    with monkeypatch.context() as forbidden:
        forbidden.setattr(hashlib, "sha256", lambda: pytest.fail("read again"))
        one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
        assert Hashes(tmp_path).known(path) == one
        assert Hashes(tmp_path).of(path) == one
        assert Hashes(None).known(path) is None
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert Hashes(tmp_path).known(path) is None
    assert Hashes(tmp_path).of(path) == sha256(b"two")


@pytest.mark.parametrize("damage", [b"", b"[1]", b'{"x": 3', b'{"x": 3}', b"\xff"])
def test_damaged_memory_of_hashes_is_forgotten(tmp_path: Path, damage: bytes):
    path = put(tmp_path, "a.bin", b"one")
    (tmp_path / "hashes.json").write_bytes(damage)
    assert Hashes(tmp_path).of(path) == sha256(b"one")
    assert Hashes(tmp_path).known(path) == sha256(b"one")
    assert [p.name for p in tmp_path.iterdir() if p.suffix] == ["hashes.json"]


def test_hashing_stops_when_told_and_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path):
    path = put(tmp_path, "a.bin", b"one")
    assert Hashes(tmp_path).of(path, lambda: True) is None
    assert Hashes(path).of(path) == sha256(b"one")  # `a.bin/hashes.json` cannot be


def test_a_model_of_another_name_stands_in_and_this_is_told(files: Files):
    document = Document("a.png", api=GRAPH, extra=saved(files))
    (files.base / "models/loras/a.safetensors").rename(files.base / "models/loras/b.safetensors")
    put(files.base, "c.safetensors", b"two")
    flat = recorded.graph(document, NODES, files, Hashes(None))
    assert flat.graph["1"]["inputs"] == {"name": "b.safetensors"}
    assert GRAPH["1"]["inputs"] == {"name": "a.safetensors"}, "the document is changed"
    assert flat.notes == ["node 1, name: a.safetensors is b.safetensors here, which holds the same (by its SHA-256)"]


def test_a_name_that_is_here_is_kept_even_for_another_file(files: Files):
    document = Document("a.png", api=GRAPH, extra=saved(files))
    put(files.base, "b.safetensors", b"one")
    put(files.base, "a.safetensors", b"another")
    assert recorded.graph(document, NODES, files, Hashes(None)).graph is GRAPH


def test_hashes_of_editor_workflows_are_found_among_files_that_were_read_before(files: Files):
    models = [{"name": "z.safetensors", "directory": "loras", "hash": sha256(b"one").upper(), "hash_type": "SHA256"}]
    workflow: dict[str, Any] = {"nodes": [{"id": 1, "properties": {"models": models}}]}
    graph = {"1": {"class_type": "Load", "inputs": {"name": "z.safetensors"}}}
    document, hashes = Document("w.json", api=graph, workflow=workflow), Hashes(files.base / "cache")
    assert recorded.graph(document, NODES, files, hashes).graph is graph
    hashes.of(files.model("loras", "a.safetensors"))
    assert recorded.graph(document, NODES, files, hashes).graph["1"]["inputs"] == {"name": "a.safetensors"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"models": 3}', '{"models": [3, {}, {"folder": 1}]}', '{"models": [{"folder": "x"}]}']
)
def test_strange_records_are_none(text: str, files: Files):
    document = Document("a.png", api=GRAPH, extra={"mezzotint": text})
    assert recorded.recorded(document) == []
    assert recorded.graph(document, NODES, files, Hashes(None)).graph is GRAPH


def test_a_folder_that_is_not_ours_is_missing(files: Files):
    text = json.dumps({"models": [{"folder": "../..", "name": "x", "sha256": "0" * 64, "size": 3}]})
    document = Document("a.png", api=GRAPH, extra={"mezzotint": text})
    assert recorded.find(recorded.recorded(document)[0], files, Hashes(None)).state == "missing"


def test_reproduce_says_of_each_model_whether_it_is_here(files: Files):
    document = Document("a.png", api=GRAPH, extra=saved(files))
    lines, can = reproduce(document, files, Hashes(None))
    assert can
    assert lines[:2] == ["loras/a.safetensors: the same", "vae/none.pt: the same"]
    (files.base / "models/loras/a.safetensors").rename(files.base / "models/loras/b.safetensors")
    lines, can = reproduce(document, files, Hashes(None))
    assert can
    assert lines[0] == "loras/a.safetensors: here it is b.safetensors, which holds the same"
    put(files.base, "b.safetensors", b"uno")
    lines, can = reproduce(document, files, Hashes(None))
    assert not can
    assert lines[0].startswith(f"loras/a.safetensors: not here; put the file with SHA-256 {sha256(b'one')}")
    put(files.base, "a.safetensors", b"uno")
    lines, can = reproduce(document, files, Hashes(None))
    assert not can
    assert "another file has this name here" in lines[0]


def test_reproduce_says_what_may_change_the_last_digits(files: Files):
    told = json.loads(saved(files)["mezzotint"]) | {"torch": "1.0", "version": "0.0.1"}
    document = Document("a.png", api=GRAPH, extra={"mezzotint": json.dumps(told)})
    lines, can = reproduce(document, files, Hashes(None))
    assert can
    assert f"version: 0.0.1, here {output_files.version()}: the last digits may differ" in lines
    lines, can = reproduce(Document("b.png", api=GRAPH), files, Hashes(None))
    assert can
    assert lines == ["b.png does not tell what it was made with; only its graph was checked"]
