"""Clients of the standard that nobody here wrote drive our server, unmodified, each in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.web.conftest import ROOT, Server

DRIVERS = Path(__file__).parent / "clients"
INSTALLED = os.environ.get("MEZZOTINT_TEST_CLIENTS")
HOW = "no clients here; run `tests/web/clients/install FOLDER` and set MEZZOTINT_TEST_CLIENTS=FOLDER"
pytestmark = pytest.mark.skipif(not INSTALLED, reason=HOW)
GRAPH = json.loads((ROOT / "workflows" / "text_to_image.json").read_text(encoding="utf-8"))

Drive = Callable[..., dict[str, Any]]


@pytest.fixture
def drive(server: Server, tmp_path: Path) -> Drive:
    """Run a driver against the server; what it says happened."""

    def run(driver: str, what: str, **sampler: Any) -> dict[str, Any]:
        (tmp_path / "fetched").mkdir(exist_ok=True)
        (tmp_path / "graph.json").write_text(json.dumps(titled(GRAPH, sampler)))
        folder = Path(INSTALLED or "").absolute()
        program = ["node"] if driver.endswith(".cjs") else [str(folder / "bin" / "python")]
        given = [*program, DRIVERS / driver, what, server.url, tmp_path / "graph.json", tmp_path / "fetched"]
        environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(folder / "node_modules"), "HOME": str(tmp_path)}
        done = subprocess.run(given, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-4000:], server.log[-20:])
        return json.loads(done.stdout.splitlines()[-1]) | {"stderr": done.stderr}

    return run


def titled(graph: dict[str, Any], sampler: dict[str, Any]) -> dict[str, Any]:
    """The graph as the standard's editor exports it, with titles; `sampler`: what its KSampler gets instead."""
    titles = {"KSampler": "KSampler", "SaveImage": "Save Image"}
    changed = {}
    for key, node in graph.items():
        inputs = node["inputs"] | (sampler if node["class_type"] == "KSampler" else {})
        title = titles.get(node["class_type"], f"{node['class_type']} {key}")
        changed[key] = {"class_type": node["class_type"], "inputs": inputs, "_meta": {"title": title}}
    return changed


def check_picture(data: bytes, **sampler: Any) -> dict[str, str]:
    """It is the picture of the graph, which it carries; its texts."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.format, image.size, image.mode) == ("PNG", (128, 128), "RGB")
        texts = {str(k): v for k, v in image.info.items() if isinstance(v, str)}
        assert len(image.getcolors(1 << 20) or ()) > 1000, "the picture is plain"
    (inputs,) = (n["inputs"] for n in json.loads(texts["prompt"]).values() if n["class_type"] == "KSampler")
    assert {name: inputs[name] for name in sampler} == sampler
    return texts


def check_interrupted(server: Server, job: str) -> None:
    """The history says that the job was interrupted while it sampled, and it saved nothing."""
    entry = server.finished(job)
    assert entry["status"]["status_str"] == "error"
    assert not entry["status"]["completed"]
    events = dict(entry["status"]["messages"])
    assert events["execution_interrupted"]["prompt_id"] == job
    assert events["execution_interrupted"]["node_type"] == "KSampler"
    assert entry["outputs"] == {}
    assert not list((server.base / "output").glob("*.png"))
    queue = server.get("/queue")
    assert queue["queue_running"] == queue["queue_pending"] == []


def test_comfy_api_simplified_draws_a_picture(server: Server, drive: Drive, tmp_path: Path):
    told = drive("simplified.py", "picture")
    (name,) = told["pictures"]
    data = (tmp_path / "fetched" / name).read_bytes()
    check_picture(data, seed=7, steps=20)
    assert data == (server.base / "output" / name).read_bytes()
    assert told["uploaded"] == {"name": name, "subfolder": "uploads", "type": "input"}
    assert data == (server.base / "input" / "uploads" / name).read_bytes()
    assert "euler" in told["samplers"]["sampler_name"][0]


def test_comfy_api_simplified_cancels(server: Server, drive: Drive):
    told = drive("simplified.py", "cancel", steps=10000)
    assert told["job"] == told["ended"]
    assert told["pictures"] == 0
    check_interrupted(server, told["job"])


def test_comfy_script_draws_a_picture(server: Server, drive: Drive, tmp_path: Path):
    told = drive("script.py", "picture")
    assert told["size"] == [128, 128]
    assert told["progress"][-1] == ["KSampler.0", 20, 20]
    assert [value for _, value, _ in told["progress"]] == sorted(value for _, value, _ in told["progress"])
    assert "CheckpointLoaderSimple(" in json.loads(told["text"]["ComfyScriptSource"])  # the script is in its picture
    saved = (server.base / "output" / "script_00001_.png").read_bytes()
    check_picture(saved, seed=7, steps=20)
    with Image.open(tmp_path / "fetched" / "script.png") as fetched, Image.open(io.BytesIO(saved)) as kept:
        assert fetched.tobytes() == kept.tobytes()
    assert "Failed" not in told["stderr"]
    first, second = server.get("/history").values()
    assert [first["status"]["status_str"], second["status"]["status_str"]] == ["success", "success"]


def test_comfy_script_cancels(server: Server, drive: Drive):
    told = drive("script.py", "cancel")
    assert told["result"] is None
    check_interrupted(server, told["job"])


def test_stable_canvas_draws_a_picture(server: Server, drive: Drive, tmp_path: Path):
    told = drive("stable_canvas.cjs", "picture", seed=7)
    (image,) = told["images"]
    assert image["type"] == "url"
    data = (tmp_path / "fetched" / "0.png").read_bytes()
    check_picture(data, seed=7, steps=20)
    assert data == (server.base / "output" / "mezzotint_00001_.png").read_bytes()
    assert told["progress"][-1] == ["5", 20, 20]
    order = ["execution_start", "execution_cached", "executing", "executed", "execution_success"]
    assert [kind for kind in dict.fromkeys(told["seen"]) if kind in order] == order
    assert len(told["polled"]) == 1
    check_picture((server.base / "output" / "mezzotint_00002_.png").read_bytes(), seed=8)
    assert told["setting"] == {"any": "value"}
    assert "euler" in told["samplers"]


def test_stable_canvas_cancels_the_running_job_and_takes_a_waiting_one_back(server: Server, drive: Drive):
    told = drive("stable_canvas.cjs", "cancel", seed=7)
    assert "interrupted" in told["ended"]
    check_interrupted(server, told["job"])
    assert server.get(f"/history/{told['never']}") == {}
