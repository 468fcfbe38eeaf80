"""A job that is run again after a kill saves nothing twice, loses nothing, and leaves nothing unfinished."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest

from executor import ledger, output_files
from executor.cache import Cache
from executor.check import outputs
from executor.files import Files
from executor.graph import read
from executor.ledger import Ledger
from executor.node import NodeSpec, Shown, node
from executor.plan import make_plan
from executor.run import run as execute
from executor.types import Socket

ROOT = Path(__file__).parent.parent.parent
NODES: dict[str, NodeSpec] = {}


@node("Save", category="tests", output_node=True, into=NODES)
def save_text(*, text: Annotated[Any, Socket("*")], files: Files) -> Shown[None]:
    return Shown({"images": output_files.save(files, "output", "a", "txt", [str(text).encode()])}, None)


@node("SaveLater", category="tests", output_node=True, into=NODES)
async def save_later(*, text: str, files: Files) -> Shown[None]:
    return Shown({"images": output_files.save(files, "output", "b", "txt", [text.encode()])}, None)


@node("Texts", category="tests", into=NODES)
def texts(*, count: int) -> list[str]:
    return [f"text {i % 2}" for i in range(count)]


def save(base: Path, contents: Sequence[bytes | output_files.Pieces], job: str = "j", node: str = "7") -> list[str]:
    """Save as a node of a job that runs (again)."""
    files = replace(Files(base), ledger=Ledger(base, job).of(node))
    return [place["filename"] for place in output_files.save(files, "output", "a", "txt", contents)]


def there(base: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (base / "output").rglob("*") if p.is_file()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("mode", ["plain", "unlinked", "varying"])
def test_a_kill_at_any_line(tmp_path: Path, mode: str):
    command = [sys.executable, "-m", "tests.executor.kill_points", str(tmp_path), mode]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 100


def test_what_was_saved_is_told_again(tmp_path: Path):
    assert save(tmp_path, [b"1", b"2"]) == ["a_00001_.txt", "a_00002_.txt"]
    assert save(tmp_path, [b"1", b"2", b"3"]) == ["a_00001_.txt", "a_00002_.txt", "a_00003_.txt"]
    assert there(tmp_path) == {"a_00001_.txt": b"1", "a_00002_.txt": b"2", "a_00003_.txt": b"3"}


def test_what_comes_in_pieces_is_known_by_its_length(tmp_path: Path):
    class Parts:
        def __init__(self, *parts: bytes):
            self.parts = parts

        def __len__(self) -> int:
            return sum(map(len, self.parts))

        def __iter__(self) -> Iterator[bytes]:
            return iter(self.parts)

    assert save(tmp_path, [Parts(b"12", b"3")]) == ["a_00001_.txt"]
    assert save(tmp_path, [Parts(b"456")]) == ["a_00001_.txt"]
    (tmp_path / "output" / "a_00001_.txt").write_bytes(b"somebody's")
    assert save(tmp_path, [Parts(b"456")]) == ["a_00002_.txt"]


def test_other_jobs_and_other_nodes_save_their_own(tmp_path: Path):
    save(tmp_path, [b"1"])
    assert save(tmp_path, [b"1"], job="k") == ["a_00002_.txt"]
    assert save(tmp_path, [b"1"], node="8") == ["a_00003_.txt"]


def test_the_order_may_change_between_runs(tmp_path: Path):
    save(tmp_path, [b"1", b"2"])
    assert save(tmp_path, [b"2", b"1"]) == ["a_00002_.txt", "a_00001_.txt"]


def test_a_file_that_is_gone_or_another_is_saved_again(tmp_path: Path):
    save(tmp_path, [b"1", b"2"])
    (tmp_path / "output" / "a_00001_.txt").unlink()
    (tmp_path / "output" / "a_00002_.txt").write_bytes(b"somebody's")
    assert save(tmp_path, [b"1", b"2"]) == ["a_00003_.txt", "a_00004_.txt"]
    assert there(tmp_path)["a_00002_.txt"] == b"somebody's"


def test_the_file_of_another_process_is_not_taken_for_ours(tmp_path: Path):
    page = Ledger(tmp_path, "j").of("7")
    out = tmp_path / "output"
    out.mkdir()
    part, path = out / f".{'0' * 32}.part", out / "a_00001_.txt"
    page.claim(b"1").intend(part, path, {"filename": path.name, "subfolder": "", "type": "output"})
    part.write_bytes(b"1")  # killed here; and another process, which makes the same, takes the name
    path.write_bytes(b"1")
    assert save(tmp_path, [b"1"]) == ["a_00002_.txt"]
    assert sorted(there(tmp_path)) == ["a_00001_.txt", "a_00002_.txt"]


def test_a_line_that_was_cut_off(tmp_path: Path):
    save(tmp_path, [b"1"])
    (path,) = (tmp_path / "cache" / "saving").iterdir()
    path.write_bytes(path.read_bytes() + b'\n{"node": "7", "tu')
    assert save(tmp_path, [b"1", b"2"]) == ["a_00001_.txt", "a_00002_.txt"]
    assert save(tmp_path, [b"1", b"2"]) == ["a_00001_.txt", "a_00002_.txt"]


def test_lines_that_are_not_ours_remove_nothing(tmp_path: Path):
    precious = tmp_path / "precious.txt"
    precious.touch()
    (tmp_path / "cache" / "saving").mkdir(parents=True)
    line = f'{{"node": "", "turn": 0, "digest": "", "part": "{precious}", "path": "x", "place": {{}}}}\n[1]\nnull\n'
    (tmp_path / "cache" / "saving" / "j.jsonl").write_text(line)
    ledger.forget(tmp_path, "j")
    assert precious.exists()


@pytest.mark.parametrize(
    "job", ["j", "0f8fad5b-d9cb-469f-a165-70867728950e", "J", "../../x", "a/b\0", "\ud800", "x" * 500]
)
def test_any_text_names_a_job(tmp_path: Path, job: str):
    save(tmp_path, [b"1"], job=job)
    save(tmp_path, [b"1"], job="j2")
    assert len(list((tmp_path / "cache" / "saving").iterdir())) == 2
    ledger.forget(tmp_path, job)
    assert [p.name for p in (tmp_path / "cache" / "saving").iterdir()] == ["j2.jsonl"]
    ledger.forget(tmp_path, job)  # once more harms nothing


def test_a_sweep_keeps_only_the_jobs_that_may_run_again(tmp_path: Path):
    for job in ("a", "B", "c"):
        save(tmp_path, [job.encode()], job=job)
    ledger.sweep(tmp_path, keep=["B"])
    assert len(list((tmp_path / "cache" / "saving").iterdir())) == 1
    assert save(tmp_path, [b"B"], job="B") == ["a_00002_.txt"]
    assert len(there(tmp_path)) == 3


def test_a_job_that_saves_nothing_writes_nothing(tmp_path: Path):
    Ledger(tmp_path, "j").of("7")
    assert list(tmp_path.iterdir()) == []


def run(graph: dict[str, Any], base: Path) -> dict[str, list[str]]:
    """Run a graph as one job, with nothing in memory; the files that each node shows."""
    made = read(graph)
    plan = make_plan(made, NODES, outputs(made, NODES), Files(base))
    outcome = asyncio.run(execute(plan, files=Files(base), cache=Cache(), ledger=Ledger(base, "j")))
    assert outcome.ok
    return {id: [f["filename"] for f in ui["images"]] for id, ui in outcome.shown.items()}


def test_nodes_need_not_know_of_it(tmp_path: Path):
    graph = {
        "1": {"class_type": "Texts", "inputs": {"count": 4}},
        "2": {"class_type": "Save", "inputs": {"text": ["1", 0]}},
        "3": {"class_type": "SaveLater", "inputs": {"text": "x"}},
        "4": {"class_type": "Save", "inputs": {"text": "text 0"}},
    }
    first = run(graph, tmp_path)
    assert len({*first["2"], *first["3"], *first["4"]}) == 6
    (tmp_path / "output" / first["2"][3]).unlink()
    again = run(graph, tmp_path)
    assert again["3"] == first["3"]
    assert again["4"] == first["4"]
    assert again["2"][:3] == first["2"][:3]
    assert len(there(tmp_path)) == 6
