"""POST /prompt: what it takes, what it refuses, and how it says so."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from executor.worker.supervisor import Death, Refused, WorkerLost
from tests.web.handlers import GRAPH, Api, prepared, problem, run
from web import ask
from web.config import Limits

WORKFLOW = {"nodes": [{"id": 1, "type": "PreviewAny"}], "links": [], "version": 0.4}
PNG = b"\x89PNG\r\n\x1a\n and more"


async def _body_of_the_standard(api: Api) -> None:
    extra = {"extra_pnginfo": {"workflow": {"id": "w"}}, "api_key_comfy_org": "secret"}
    body = {"prompt": GRAPH, "client_id": "c", "extra_data": extra, "prompt_id": "mine-1", "number": 7}
    answer = await api.post("/prompt", body)
    assert answer == {"prompt_id": "mine-1", "number": 7, "node_errors": {}}
    job = api.jobs.get("mine-1")
    assert job is not None
    assert (job.graph, job.client_id, job.targets) == (GRAPH, "c", ("1",))
    assert job.extra == {"extra_pnginfo": {"workflow": {"id": "w"}}}, "credentials are not kept"
    assert api.dispatcher.calls == ["changed", "wake"]
    assert api.worker.asked[0][1]["document"] == GRAPH
    assert await api.get("/prompt") == {"exec_info": {"queue_remaining": 1}}


def test_the_body_of_the_standard_makes_a_job(tmp_path: Path):
    run(tmp_path, _body_of_the_standard)


def test_numbers_grow_and_the_front_is_negative(tmp_path: Path):
    async def test(api: Api) -> None:
        first = (await api.post("/prompt", {"prompt": GRAPH}))["number"]
        second = (await api.post("/prompt", {"prompt": GRAPH}))["number"]
        front = (await api.post("/prompt", {"prompt": GRAPH, "front": True}))["number"]
        assert front < 0 < first < second
        assert all(isinstance(n, int) for n in (first, second, front))

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (GRAPH, GRAPH),
        (WORKFLOW, WORKFLOW),
        ({"prompt": WORKFLOW}, WORKFLOW),
        ({"workflow": WORKFLOW, "client_id": "c"}, WORKFLOW),
        ({"prompt": {"class_type": "Text", "inputs": {}}}, {"prompt": {"class_type": "Text", "inputs": {}}}),
    ],
    ids=["graph", "workflow", "workflow as prompt", "workflow by name", "graph with a node called prompt"],
)
def test_a_graph_or_a_saved_workflow_may_be_the_body(tmp_path: Path, body: Any, document: Any):
    async def test(api: Api) -> None:
        await api.post("/prompt", body)
        assert api.worker.asked[0][1]["document"] == document
        assert api.jobs.pending()[0].graph == GRAPH

    run(tmp_path, test, {"prepare": prepared(graph=GRAPH)})


def test_the_workflow_that_a_graph_was_read_from_goes_into_the_pictures(tmp_path: Path):
    async def test(api: Api) -> None:
        await api.post("/prompt", WORKFLOW)
        await api.post("/prompt", {"prompt": GRAPH, "workflow": {"id": "theirs"}})
        first, second = api.jobs.pending()
        assert first.extra == {"extra_pnginfo": {"workflow": WORKFLOW}}
        assert second.extra == {"extra_pnginfo": {"workflow": {"id": "theirs"}}}

    run(tmp_path, test, {"prepare": [prepared(graph=GRAPH, workflow=WORKFLOW), prepared()]})


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "form"])
def test_a_picture_may_be_the_body(tmp_path: Path, kind: str):
    async def test(api: Api) -> None:
        data: Any = PNG
        headers = {"Content-Type": kind}
        if kind == "form":
            data, headers = aiohttp.FormData(), {}
            data.add_field("client_id", "c")
            data.add_field("force", "true")
            data.add_field("extra_data", '{"a": 1}')
            data.add_field("file", PNG, filename="p.png", content_type="image/png")
        status, answer = await api.call("POST", "/prompt?client_id=c&force", data=data, headers=headers)
        assert status == 200, answer
        (_, asked), (job,) = api.worker.asked[0], api.jobs.pending()
        assert (asked["payload"], asked["document"]) == (PNG, None)
        assert (job.client_id, job.force, job.graph) == ("c", True, GRAPH)
        assert job.extra == ({"a": 1} if kind == "form" else {})

    run(tmp_path, test, {"prepare": prepared(graph=GRAPH)})


def test_options_reach_the_job(tmp_path: Path):
    async def test(api: Api) -> None:
        await api.post("/prompt", {"prompt": GRAPH, "force": True, "preview": "taesd"})
        await api.post("/prompt?force=true", {"prompt": GRAPH, "extra_data": {"preview_method": "none"}})
        await api.post("/prompt", {"prompt": GRAPH, "extra_data": {"preview_method": "default"}})
        jobs = api.jobs.pending()
        assert [(job.force, job.preview) for job in jobs] == [(True, "taesd"), (True, "none"), (False, None)]
        await api.post("/prompt", {"prompt": GRAPH, "partial_execution_targets": ["1", 2]})
        assert api.worker.asked[-1][1]["targets"] == ["1", "2"]

    run(tmp_path, test)


def test_the_same_idempotency_key_is_the_same_job(tmp_path: Path):
    async def test(api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await api.post("/prompt", {"prompt": GRAPH}, headers=headers)
        async with api.client.post("/prompt", json={"prompt": GRAPH}, headers=headers) as answer:
            assert await answer.json() == first
            assert answer.headers["Idempotency-Replayed"] == "true"
        assert api.jobs.remaining() == 1
        assert api.dispatcher.calls.count("wake") == 1

    run(tmp_path, test)


def test_an_id_that_is_taken_is_refused(tmp_path: Path):
    async def test(api: Api) -> None:
        await api.post("/prompt", {"prompt": GRAPH, "prompt_id": "x"})
        status, body = await api.call("POST", "/prompt", json={"prompt": GRAPH, "prompt_id": "x"})
        assert (status, body["error"]["type"]) == (409, "duplicate_prompt_id")

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("body", "type"),
    [
        ({}, "no_prompt"),
        ({"client_id": "c"}, "no_prompt"),
        ({"prompt": None}, "no_prompt"),
        ([], "no_prompt"),
        (5, "no_prompt"),
        ({"prompt": GRAPH, "prompt_id": "../x"}, "invalid_request"),
        ({"prompt": GRAPH, "prompt_id": "x" * 65}, "invalid_request"),
        ({"prompt": GRAPH, "prompt_id": "é"}, "invalid_request"),
        ({"prompt": GRAPH, "prompt_id": 5}, "invalid_request"),
        ({"prompt": GRAPH, "client_id": 5}, "invalid_request"),
        ({"prompt": GRAPH, "extra_data": []}, "invalid_request"),
        ({"prompt": GRAPH, "number": "x"}, "invalid_request"),
        ({"prompt": GRAPH, "number": "inf"}, "invalid_request"),
        ({"prompt": GRAPH, "number": 10**400}, "invalid_request"),
        ({"prompt": GRAPH, "number": True}, "invalid_request"),
        ({"prompt": GRAPH, "front": "perhaps"}, "invalid_request"),
        ({"prompt": GRAPH, "force": []}, "invalid_request"),
        ({"prompt": GRAPH, "preview": "film"}, "invalid_request"),
        ({"prompt": GRAPH, "preview": []}, "invalid_request"),
        ({"prompt": GRAPH, "partial_execution_targets": "1"}, "invalid_request"),
        ({"prompt": GRAPH, "partial_execution_targets": [[]]}, "invalid_request"),
        ({"prompt": GRAPH, "webhook": "file:///etc/passwd"}, "invalid_request"),
        ({"prompt": GRAPH, "webhook": "http://"}, "invalid_request"),
        ({"prompt": GRAPH, "webhook": "http://a:x/"}, "invalid_request"),
        ({"prompt": GRAPH, "webhook": "http://a/\r\nX: y"}, "invalid_request"),
        ({"prompt": GRAPH, "webhook": 5}, "invalid_request"),
        ({str(i): {"class_type": "A"} for i in range(21)}, "too_many_nodes"),
        ({"nodes": [{}] * 21}, "too_many_nodes"),
    ],
)
def test_what_is_no_submission_is_refused(tmp_path: Path, body: Any, type: str):
    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json=body)
        assert (status, answer["error"]["type"]) == (400, type), answer
        assert set(answer["error"]) == {"type", "message", "details", "extra_info"}
        assert answer["node_errors"] == {}
        assert api.jobs.remaining() == 0

    run(tmp_path, test, limits=Limits(nodes=20))


def test_webhooks_need_a_token_where_others_can_connect(tmp_path: Path):
    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": GRAPH, "webhook": "http://a/"})
        assert (status, answer["error"]["type"]) == (403, "webhook_refused")

    run(tmp_path, test, listen=("0.0.0.0",))


def test_problems_are_told_in_the_words_of_the_standard(tmp_path: Path):
    graph = {
        "3": {"class_type": "KSampler", "inputs": {"model": ["4", 1]}, "_meta": {"title": "Sample"}},
        "9": {"class_type": "SaveImage", "inputs": {}},
    }
    problems = [
        problem("3", "required_input_missing", "seed is missing; give it a value", input="seed", accepted="INT"),
        problem("3", "value_bigger_than_max", "steps is 9; the most is 5", input="steps", got=9,
                accepted={"min": 1, "max": 5}),
        problem("3", "return_type_mismatch", "model takes MODEL", input="model", got="CLIP", accepted="MODEL"),
        problem("3", "value_not_in_list", "no", input="sampler_name", got="x" * 9000, accepted=["y"] * 5000),
        problem("9", "unknown_input", "it is ignored", severity="warning"),
    ]  # fmt: skip

    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": graph})
        assert status == 400
        error = answer["error"]
        assert error["type"] == "prompt_outputs_failed_validation"
        assert "3 (KSampler) seed: seed is missing" in error["details"]
        assert set(answer["node_errors"]) == {"3"}, "a warning is no error"
        at = answer["node_errors"]["3"]
        assert (at["class_type"], at["dependent_outputs"]) == ("KSampler", ["9"])
        missing, bigger, mismatch, menu = at["errors"]
        assert missing["type"] == "required_input_missing"
        assert missing["extra_info"] == {"input_name": "seed", "input_config": ["INT", {}], "received_value": None}
        assert bigger["extra_info"]["input_config"] == ["INT", {"min": 1, "max": 5}]
        assert bigger["extra_info"]["received_value"] == 9
        assert mismatch["extra_info"]["linked_node"] == ["4", 1]
        assert mismatch["extra_info"]["received_type"] == "CLIP"
        assert menu["extra_info"]["input_config"] is None
        assert len(json.dumps(answer)) < 10_000
        assert all(set(e) == {"type", "message", "details", "extra_info"} for e in at["errors"])

    run(tmp_path, test, {"prepare": prepared(targets=[], problems=problems, dependents={"3": ["9"]})})


def test_the_answer_to_a_huge_graph_of_errors_is_not_huge(tmp_path: Path):
    problems = [problem(f"{i}{'x' * 9000}", "x", "y" * 9000, input="z" * 9000) for i in range(3000)]
    problems += [problem(problems[0]["node"], "x", "y") for _ in range(3000)]

    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": GRAPH})
        assert status == 400
        assert len(answer["node_errors"]) == 1000
        assert len(json.dumps(answer)) < 2_000_000

    run(tmp_path, test, {"prepare": prepared(targets=[], problems=problems)})


@pytest.mark.parametrize("kind", ["prompt_no_outputs", "invalid_prompt"])
def test_what_is_wrong_with_the_whole_prompt_is_the_error(tmp_path: Path, kind: str):
    node = "1" if kind == "invalid_prompt" else ""
    wrong = problem(node, kind, "there is no node type 'PreviewAny'", type="PreviewAny" if node else "")

    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": GRAPH})
        assert (status, answer["error"]["type"]) == (400, kind)
        assert "no node type" in answer["error"]["message"]
        if node:
            info = {"node_id": "1", "class_type": "PreviewAny", "node_title": "PreviewAny"}
            assert answer["error"]["extra_info"] == info

    run(tmp_path, test, {"prepare": prepared(targets=[], problems=[wrong])})


def test_one_sound_output_is_enough(tmp_path: Path):
    problems = [problem("2", "custom_validation_failed", "no"), problem("1", "x", "mind this", severity="warning")]

    async def test(api: Api) -> None:
        answer = await api.post("/prompt", {"prompt": GRAPH})
        assert answer["node_errors"]["2"]["errors"][0]["type"] == "custom_validation_failed"
        assert answer["notes"] == ["a model was found elsewhere", "1 mind this"]
        assert api.jobs.pending()[0].node_errors == answer["node_errors"]

    run(tmp_path, test, {"prepare": prepared(problems=problems, notes=["a model was found elsewhere"])})


def test_a_document_that_is_no_graph_is_refused(tmp_path: Path):
    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": [1]})
        assert (status, answer["error"]["type"]) == (400, "invalid_prompt")
        assert answer["error"]["message"] == "this is no graph"

    run(tmp_path, test, {"prepare": Refused("document", "this is no graph")})


def test_a_worker_that_ends_meanwhile_is_asked_again(tmp_path: Path):
    async def test(api: Api) -> None:
        await api.post("/prompt", {"prompt": GRAPH})
        assert len(api.worker.asked) == 2

    run(tmp_path, test, {"prepare": [WorkerLost(Death(signal="SIGKILL")), prepared()]})


def test_a_fault_of_the_worker_is_no_fault_of_the_client(tmp_path: Path):
    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": GRAPH})
        assert (status, answer["error"]["type"]) == (500, "internal_error")

    run(tmp_path, test, {"prepare": Refused("internal", "KeyError: 3")})


def test_a_worker_that_cannot_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ask, "START", 0.3)

    async def test(api: Api) -> None:
        status, answer = await api.call("POST", "/prompt", json={"prompt": GRAPH})
        assert (status, answer["error"]["type"]) == (503, "worker_not_ready")
        assert "no module" in answer["error"]["details"]

    run(tmp_path, test, {"prepare": WorkerLost(Death(exit_code=1, was_ready=False, log="no module"), sent=False)})


def test_a_worker_that_never_comes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ask, "PATIENCE", 0.3)

    async def test(api: Api) -> None:
        api.worker.ready = False
        async with api.client.post("/prompt", json={"prompt": GRAPH}) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            assert (await answer.json())["error"]["type"] == "worker_not_ready"

    run(tmp_path, test, {"prepare": TimeoutError()})


def test_numbers_that_json_lacks_are_null(tmp_path: Path):
    async def test(api: Api) -> None:
        text = '{"prompt": {"1": {"class_type": "A", "inputs": {"x": NaN, "y": [Infinity]}}}}'
        async with api.client.post("/prompt", data=text) as answer:
            assert answer.status == 200
        item = (await api.get("/queue"))["queue_pending"][0]
        assert item[2]["1"]["inputs"] == {"x": None, "y": [None]}

    run(tmp_path, test)


def test_conversion_is_the_workers(tmp_path: Path):
    async def test(api: Api) -> None:
        assert await api.post("/convert?to=api", WORKFLOW) == {"form": "api", "result": GRAPH, "notes": []}
        assert api.worker.asked[-1][1] | {"name": ""} == {
            "payload": b"", "document": WORKFLOW, "name": "", "to": "api",
        }  # fmt: skip
        (tmp_path / "output" / "sub").mkdir(parents=True)
        (tmp_path / "output" / "sub" / "a.png").write_bytes(PNG)
        folder = tmp_path / "user" / "default" / "workflows"
        folder.mkdir(parents=True)
        (folder / "a.json").write_text("{}")
        await api.get("/convert?filename=a.png&subfolder=sub")
        assert api.worker.asked[-1][1]["payload"] == PNG
        await api.get("/convert?filename=a.json&subfolder=workflows&type=userdata")
        assert api.worker.asked[-1][1]["payload"] == b"{}"
        for path, status in {
            "filename=b.png": 404,
            "": 400,
            "filename=../a.png": 400,
            "filename=a.png&subfolder=../..": 403,
            "filename=a.png&type=etc": 400,
            "filename=a.json&type=userdata&subfolder=..": 403,
            "filename=a.png&to=xml": 400,
        }.items():
            assert (await api.call("GET", f"/convert?{path}"))[0] == status, path

    run(tmp_path, test, {"convert": {"form": "api", "result": GRAPH, "notes": []}})
