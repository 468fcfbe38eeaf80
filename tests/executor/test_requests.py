"""What the worker answers, without a process around it."""

import ctypes
import json
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from executor import devices
from executor.cache import Cache
from executor.files import Files
from executor.graph import read
from executor.worker.requests import Refused, Site, answer, spoilt
from tests.executor.toys import TOYS, api, go

GRAPH = api(a=("Add", {"a": 1}), o=("Show", {"a": ["a", 0]}))


def ask(do: str, base: Path, payload: bytes = b"", **request: Any) -> dict[str, Any]:
    """The reply, which crosses a pipe as JSON."""
    site = Site(Files(base), TOYS, Cache())
    reply = answer(site, {"do": do, "name": "it", **request}, payload)
    return json.loads(json.dumps(reply, default=str))


def prepare(base: Path, document: Any, targets: list[str] | None = None) -> dict[str, Any]:
    return ask("prepare", base, document=document, targets=targets)


# --- prepare -------------------------------------------------------------------------------------


def test_a_sweep_is_checked_whole_and_told_with_its_values(tmp_path: Path):
    site = Site(Files(tmp_path), TOYS, Cache())
    graph = api(a=("Add", {"a": 1}), m=("Menu", {"n": ["a", 0]}), o=("Show", {"a": ["m", 0]}))
    asked = {"do": "prepare", "document": graph, "sweep": {"a.b": "1..3", "Menu.mode": "*"}}
    prepared = answer(site, asked, b"")
    assert prepared["sweep"] == {"a.b": [1, 2, 3], "m.mode": ["nearest", "bilinear", "bicubic"]}
    assert (prepared["targets"], prepared["size"]) == (["o"], 3 + 9 + 9)
    prepared = answer(site, asked | {"sweep": {"a.b": [1, 5000]}}, b"")
    assert prepared["targets"] == []
    assert [(p["node"], p["message"]) for p in prepared["problems"]] == [("a", "b is 5000; the most is 1000")]
    with pytest.raises(Refused, match="no output depends on it"):
        answer(site, asked | {"document": graph | api(z=("Add", {})), "sweep": {"z.b": [1, 2]}}, b"")


def test_a_sound_graph_is_not_sent_back(tmp_path: Path):
    assert prepare(tmp_path, GRAPH) == {
        "graph": None,
        "workflow": None,
        "notes": [],
        "problems": [],
        "targets": ["o"],
        "unsound": [],
        "dependents": {},
    }


def test_a_workflow_becomes_a_graph(tmp_path: Path):
    workflow = ask("convert", tmp_path, document=GRAPH)["result"]
    for request in ({"document": workflow}, {"document": None, "payload": json.dumps(workflow).encode()}):
        got = ask("prepare", tmp_path, **request)
        assert [node["class_type"] for node in got["graph"].values()] == ["Add", "Show"]
        assert got["workflow"] == workflow
        assert len(got["targets"]) == 1


def test_a_document_within_another(tmp_path: Path):
    got = prepare(tmp_path, {"prompt": GRAPH, "extra_data": {"extra_pnginfo": {"workflow": {"nodes": []}}}})
    assert (got["graph"], got["workflow"]) == (GRAPH, {"nodes": []})


@pytest.mark.parametrize("payload", [b"", b"{", b"PK\3\4", b"[]"])
def test_no_document(tmp_path: Path, payload: bytes):
    with pytest.raises(Refused, match=r"^it: ") as refused:
        ask("prepare", tmp_path, payload, document=None)
    assert refused.value.kind == "document"


def test_one_output_of_two_is_sound(tmp_path: Path):
    graph = GRAPH | api(b=("Add", {"a": "x"}), p=("Show", {"a": ["b", 0]}), q=("Show", {"a": ["b", 0]}))
    got = prepare(tmp_path, graph)
    assert (got["targets"], got["unsound"]) == (["o"], ["p", "q"])
    assert got["dependents"] == {"b": ["p", "q"]}
    (problem,) = got["problems"]
    assert (problem["node"], problem["input"], problem["kind"]) == ("b", "a", "invalid_input_type")


def test_only_the_outputs_that_are_asked_for(tmp_path: Path):
    graph = GRAPH | api(b=("Add", {"a": "x"}), p=("Show", {"a": ["b", 0]}))
    got = prepare(tmp_path, graph, ["o"])
    assert (got["targets"], got["unsound"], got["dependents"]) == (["o"], [], {})
    assert [p["severity"] for p in got["problems"]] == ["warning"]
    got = prepare(tmp_path, graph, ["p"])
    assert (got["targets"], got["unsound"]) == ([], ["p"])
    got = prepare(tmp_path, graph, ["nowhere"])
    assert got["targets"] == []
    assert [p["kind"] for p in got["problems"] if p["severity"] == "error"] == ["prompt_no_outputs"]


def test_up_to_a_node_that_is_no_output(tmp_path: Path):
    got = prepare(tmp_path, GRAPH, ["a", "nowhere"])
    assert (got["targets"], got["problems"]) == (["a"], [])
    assert prepare(tmp_path, GRAPH, ["a", "o"])["targets"] == ["o"]  # as the standard has it


def test_problems_do_not_grow_with_the_folders_and_the_texts(tmp_path: Path):
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    for i in range(300):
        (tmp_path / "models" / "checkpoints" / f"{i}.safetensors").touch()
    graph = api(l=("LoadModel", {"name": "n" * 100_000}), o=("Show", {"a": ["l", 0]}))
    (problem,) = prepare(tmp_path, graph)["problems"]
    assert len(problem["got"]) == 1000
    assert len(problem["accepted"]) == 100


# --- which outputs a node spoils ------------------------------------------------------------------


def test_what_a_node_spoils():
    graph = read(
        api(
            a=("Add", {}),
            b=("Add", {"a": ["a", 0]}),
            c=("Add", {"a": ["d", 0]}),
            d=("Add", {"a": ["c", 0], "b": ["b", 0]}),
            o=("Show", {"a": ["b", 0]}),
            p=("Show", {"a": ["c", 0]}),
            q=("Show", {"a": ["nowhere", 0]}),
        )
    )
    assert spoilt(graph, ["a", "b", "c", "d", "q"], ["o", "p", "q"]) == {
        "a": ["o", "p"],
        "b": ["o", "p"],
        "c": ["p"],
        "d": ["p"],
        "q": ["q"],
    }


def test_what_thousands_of_nodes_spoil():
    nodes = {"s": ("Add", {})} | {f"o{i}": ("Show", {"a": ["s", 0]}) for i in range(5000)}
    found = spoilt(read(api(**nodes)), [*nodes], [f"o{i}" for i in range(5000)])
    assert found["s"] == [f"o{i}" for i in range(100)]
    assert found["o7"] == ["o7"]


# --- convert, describe ----------------------------------------------------------------------------


def test_there_and_back(tmp_path: Path):
    there = ask("convert", tmp_path, document=GRAPH)
    assert there["form"] == "workflow"
    back = ask("convert", tmp_path, document=there["result"])
    assert back["form"] == "api"
    assert [n["class_type"] for n in back["result"].values()] == ["Add", "Show"]
    assert ask("convert", tmp_path, document=GRAPH, to="api")["result"] == GRAPH
    with pytest.raises(Refused, match="no form 'xml'"):
        ask("convert", tmp_path, document=GRAPH, to="xml")


def test_descriptions_and_which_menus_list_a_folder(tmp_path: Path):
    got = ask("describe", tmp_path)
    assert got["nodes"].keys() == TOYS.keys()
    assert got["nodes"]["Add"]["output"] == ["INT"]
    assert got["menus"] == {"LoadModel": {"name": "checkpoints"}}


# --- the process ---------------------------------------------------------------------------------


def test_memory_is_freed_by_kind():
    cache = Cache()
    go(api(m=("Load", {}), i=("Sample", {"model": ["m", 0]}), o=("Show", {"a": ["i", 0]})), cache)
    site = Site(Files(), TOYS, cache)
    assert (cache.models.used, cache.values.used) != (0, 0)
    answer(site, {"do": "free", "models": True}, b"")
    assert cache.models.used == 0
    assert cache.values.used > 0
    answer(site, {"do": "free", "values": True}, b"")
    assert cache.values.used == 0


def test_stats_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEZZOTINT_DEVICE", "cpu")
    got = ask("stats", tmp_path)
    assert got["torch"] == torch.__version__
    assert got["python"] == sys.version
    assert got["rss"] > 10_000_000
    (device,) = got["devices"]
    assert (device["name"], device["type"], device["index"]) == ("cpu", "cpu", None)
    assert device["vram_total"] >= device["vram_free"] > 0


def test_stats_and_release_of_a_gpu(monkeypatch: pytest.MonkeyPatch):
    """Free is what the driver has, and what torch keeps but does not use."""
    emptied: list[bool] = []
    cuda = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        current_device=lambda: 0,
        mem_get_info=lambda index: (50, 100),
        memory_reserved=lambda index: 40,
        memory_allocated=lambda index: 30,
        get_device_name=lambda index: "Card",
        empty_cache=lambda: emptied.append(True),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__="9", __spec__=None, cuda=cuda))
    for wanted, index in (("auto", 0), ("cuda", 0), ("cuda:1", 1)):
        monkeypatch.setenv("MEZZOTINT_DEVICE", wanted)
        assert devices.stats()["devices"] == [
            {
                "name": f"cuda:{index} Card",
                "type": "cuda",
                "index": index,
                "vram_total": 100,
                "vram_free": 60,
                "torch_vram_total": 40,
                "torch_vram_free": 10,
            }
        ]
    devices.release()
    assert emptied


def test_a_module_that_is_being_imported_is_not_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.__spec__, "_initializing", True)
    assert devices.stats()["torch"] == ""


FAULTS = """
import ctypes, resource, sys
from executor import devices

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        block = libc.malloc(40 << 20)
        ctypes.memset(block, 1, 40 << 20)
        libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = faults()
print(devices.keep_freed_memory())
faults()  # the first time it has to be asked for
print(plain, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_freed_memory_is_kept_and_not_fetched_anew():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    told, counts = done.stdout.splitlines()
    plain, kept = map(int, counts.split())
    assert told == "True"
    assert kept < plain / 10


def test_where_memory_cannot_be_kept_nothing_happens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert devices.keep_freed_memory() is False


def test_unknown_requests(tmp_path: Path):
    with pytest.raises(Refused, match="no request 'dance'"):
        ask("dance", tmp_path)
