"""Many runs as one job: submitted, followed, cancelled, and killed in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.web.conftest import Server, until


def colours() -> dict[str, Any]:
    """A picture of one colour, saved under the label of its run."""
    size = {"width": 16, "height": 16, "batch_size": 1, "color": 0}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "kept_%label%"}},
        "4": {"class_type": "PreviewAny", "inputs": {"source": "once"}},
    }


def events(server: Server, id: str) -> list[tuple[str, Any]]:
    """All durable events of a job that is over, in order."""
    text = server.get(f"/jobs/{id}/events").decode()
    frames = [dict(line.split(": ", 1) for line in f.split("\n") if ": " in line) for f in text.split("\n\n")]
    return [(f["event"], json.loads(f["data"])) for f in frames if "event" in f]


def done(server: Server, id: str) -> Any:
    return until(lambda: (job := server.get(f"/jobs/{id}"))["status"] in ("completed", "failed") and job, "the end")


def test_a_sweep_is_one_job_of_labelled_runs(server: Server, base: Path):
    job = done(server, server.submit(colours(), sweep={"1.color": [0, 255], "1.width": "16..32:16"}))
    assert job["status"] == "completed"
    labels = ["color=0, width=16", "color=0, width=32", "color=255, width=16", "color=255, width=32"]
    assert [run["label"] for run in job["runs"]] == labels
    for run in job["runs"]:
        (file,) = run["outputs"][f"3.{run['run']}"]["images"]
        assert file["filename"] == f"kept_{run['label']}_00001_.png"
        with Image.open(base / "output" / file["filename"]) as picture:
            assert picture.width == run["values"]["1.width"]
            alone = json.loads(picture.info["prompt"])
            assert alone["1"]["inputs"]["color"] == run["values"]["1.color"]
            assert alone["2"]["inputs"] == {"image": ["1", 0]}
    told = [data for type, data in events(server, job["id"]) if type == "run"]
    assert sorted((data["run"], data["total"], data["label"], data["ok"]) for data in told) == [  # saving overlaps
        (n, 4, label, True) for n, label in enumerate(labels, 1)
    ]
    assert server.get(f"/history/{job['id']}")[job["id"]]["meta"]["3.2"]["display_node"] == "3"
    assert [n for n in job["outputs"] if n.startswith("4")] == ["4"]  # which the sweep does not reach
    assert server.get("/jobs")["pagination"]["total"] == 1


def test_a_sweep_that_cannot_be_is_refused(server: Server):
    for sweep, text in [
        ({"1.colour": [1]}, "sweep of 1.colour: EmptyImage has no input 'colour'"),
        ({"9.color": [1]}, "sweep of 9.color: there is no node '9'"),
        ({"1.color": "1..5000"}, "the sweep has 5,000 runs; 1,000 are the most"),
        ({"1.color": []}, "sweep of 1.color: the list of values is empty"),
        ([1], "sweep must be an object"),
        ({}, "sweep must be an object"),
    ]:
        status, answer = server.ask("/prompt", {"prompt": colours(), "sweep": sweep})
        assert status == 400
        assert text in answer["error"]["message"]
    status, answer = server.ask("/prompt", {"prompt": colours(), "sweep": {"1.color": [1, -5]}})
    assert status == 400
    (error,) = answer["node_errors"]["1"]["errors"]
    assert error["details"] == "color is -5; the least is 0"


def test_a_sweep_goes_through_extra_data_and_api_v2_too(server: Server):
    extra = {"sweep": {"1.color": [1, 2]}}
    first = server.submit(colours(), extra_data=extra)
    status, answer = server.ask("/api/v2/jobs", {"workflow": colours(), "sweep": {"1.color": [3, 4, 5]}})
    assert status == 201
    assert len(done(server, first)["runs"]) == 2
    assert len(done(server, answer["id"])["runs"]) == 3


def test_a_kill_in_the_middle_loses_and_repeats_no_run(serve: Callable[..., Server], base: Path):
    server, count = serve(), 120
    graph = colours()
    for n in range(40):  # so that a run takes a while
        before = ["1", 0] if n == 0 else [f"t{n - 1}", 0]
        graph[f"t{n}"] = {"class_type": "ImageInvert", "inputs": {"image": before}}
    graph["2"]["inputs"]["image"] = ["t39", 0]
    id = server.submit(graph, sweep={"1.color": f"1..{count}"})
    saved = base / "output"
    for kill in ("web", "worker", "web"):
        before = len(list(saved.glob("*.png")))
        until(lambda before=before: len(list(saved.glob("*.png"))) > before, "another run")
        if kill == "web":
            server.kill()
            server = serve()
        else:
            server.worker().kill()
    job = done(server, id)
    assert job["status"] == "completed"
    assert len(list(saved.iterdir())) == count
    names = [run["outputs"][f"3.{run['run']}"]["images"][0]["filename"] for run in job["runs"]]
    assert names == [f"kept_color={n}_00001_.png" for n in range(1, count + 1)]
