"""The subset of the Comfy API v2."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.handlers import GRAPH, SAVED, Api, prepared, problem, run, until
from tests.web.test_feed import parsed
from web.stream.live import Live
from web.v2 import events as v2_events

PICTURE = b"\x89PNG\r\n\x1a\n a picture"


def saved(base: Path) -> None:
    """The file that jobs of these tests say they made."""
    folder = base / "output" / SAVED["subfolder"]
    folder.mkdir(parents=True)
    (folder / SAVED["filename"]).write_bytes(PICTURE)


async def submit(api: Api, body: Any, **arguments: Any) -> tuple[int, Any]:
    return await api.call("POST", "/v2/jobs", json=body, **arguments)


def test_a_job_from_submission_to_its_picture(tmp_path: Path):
    saved(tmp_path)

    async def test(api: Api) -> None:
        status, job = await submit(api, {"workflow": GRAPH, "extra_data": {"api_key_comfy_org": "secret"}})
        assert (status, job["status"], job["queue_position"], job["outputs"]) == (201, "queued", 0, [])
        assert job["urls"]["self"] == f"{api.url}/v2/jobs/{job['id']}"
        assert api.jobs.pending()[0].extra == {}
        api.finish(job["id"])
        job = await api.get(f"/v2/jobs/{job['id']}")
        assert (job["status"], job["queue_position"], job["error"]) == ("succeeded", None, None)
        assert job["created_at"] <= job["started_at"] <= job["completed_at"]
        assert job["metrics"].keys() == {"queue_ms", "execution_ms"}
        (output,) = job["outputs"]
        shown = (output["node_id"], output["name"], output["type"], output["content_type"], output["size_bytes"])
        assert shown == ("1", SAVED["filename"], "image", "image/png", len(PICTURE))
        async with api.client.session.get(output["url"]) as answer:
            assert (answer.status, await answer.read()) == (200, PICTURE)
        async with api.client.session.get(output["url"], headers={"Range": "bytes=1-3"}) as answer:
            assert (answer.status, await answer.read()) == (206, PICTURE[1:4])
        asset = await api.get(f"/v2/assets/{output['id']}")
        assert (asset["file_path"], asset["size_bytes"]) == ("x y/a_00001_.png", len(PICTURE))

    run(tmp_path, test)


def test_a_picture_of_a_job_can_be_an_input(tmp_path: Path):
    async def test(api: Api) -> None:
        id = base64.urlsafe_b64encode(b"output/x y/a.png").decode().rstrip("=")
        asset = {"__type": "core/ASSET", "info": {"id": id, "hash": None}}
        graph = {"1": {"class_type": "LoadImage", "inputs": {"image": asset}}}
        assert (await submit(api, {"workflow": graph}))[0] == 201
        document = api.worker.asked[0][1]["document"]
        assert document["1"]["inputs"]["image"] == "x y/a.png [output]"
        for info in ({"id": "?"}, {"id": 5}, {}, None):
            asset["info"] = info  # type: ignore[assignment]
            status, answer = await submit(api, {"workflow": graph})
            assert (status, answer["error"]["code"]) == (422, "missing_asset")

    run(tmp_path, test)


def test_what_cannot_run_is_refused_in_the_words_of_this_api(tmp_path: Path):
    wrong = problem("1", "value_not_in_list", "no such sampler", input="sampler_name")

    async def test(api: Api) -> None:
        status, answer = await submit(api, {"workflow": GRAPH})
        assert (status, answer["error"]["code"]) == (422, "invalid_workflow")
        reason = {"field": "sampler_name", "reason": "value_not_in_list", "message": "no such sampler"}
        assert answer["error"]["details"] == {"node_errors": {"1": [reason]}}
        for body in ({}, [], {"workflow": 5}):
            assert (await submit(api, body))[0] == 422
        assert (await api.call("POST", "/v2/jobs", data=b"{"))[0] == 400
        assert (await submit(api, {"workflow": GRAPH, "webhook_url": "ftp://a"}))[0] == 400
        assert api.jobs.remaining() == 0

    run(tmp_path, test, {"prepare": prepared(targets=[], problems=[wrong])})


def test_a_key_can_be_used_once(tmp_path: Path):
    async def test(api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        assert (await submit(api, {"workflow": GRAPH}, headers=headers))[0] == 201
        status, answer = await submit(api, {"workflow": GRAPH}, headers=headers)
        assert (status, answer["error"]["code"]) == (422, "idempotency_key_reuse")
        assert api.jobs.remaining() == 1

    run(tmp_path, test)


def test_cancelling_and_the_workflow(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a")
        api.add(id="b", extra={"extra_pnginfo": {"workflow": {"nodes": []}}})
        assert await api.get("/v2/jobs/a/workflow") == {"format": "api", "workflow": GRAPH}
        assert await api.get("/v2/jobs/b/workflow") == {"format": "save", "workflow": {"nodes": []}}
        for _ in range(2):
            assert (await api.post("/v2/jobs/b/cancel"))["status"] == "canceled"
        live = Live(api.jobs.claim())  # type: ignore[arg-type]
        live.interrupted = True
        api.dispatcher.live = live
        assert (await api.post("/v2/jobs/a/cancel"))["status"] == "canceling"
        assert api.dispatcher.interrupted == ["a"]

    run(tmp_path, test)


@pytest.mark.parametrize(
    "path",
    ["/v2/jobs/x", "/v2/jobs/x/events", "/v2/jobs/x/workflow", "/v2/assets/x", "/v2/assets/x/content", "/v2/assets/éé"],
)
def test_what_is_not_there(tmp_path: Path, path: str):
    async def test(api: Api) -> None:
        status, answer = await api.call("GET", path)
        assert (status, answer["error"]["code"]) == (404, "not_found")

    run(tmp_path, test)


@pytest.mark.parametrize("path", ["output/../secret", "output/sub/../../secret", "/etc/passwd", "output//etc/passwd"])
def test_no_asset_leads_out_of_its_folder(tmp_path: Path, path: str):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "output").mkdir()

    async def test(api: Api) -> None:
        id = base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")
        for end in ("", "/content"):
            assert (await api.call("GET", f"/v2/assets/{id}{end}"))[0] in (400, 403, 404)

    run(tmp_path, test)


async def follow(api: Api, id: str, happens: Callable[[], None]) -> list[tuple[str, dict[str, Any]]]:
    """All events of a stream, during which something happens."""

    async def read() -> str:
        async with api.client.get(f"/v2/jobs/{id}/events") as answer:
            return (await answer.read()).decode()

    reading = asyncio.create_task(read())
    await until(lambda: list(api.feed.readers()))
    happens()
    return [event[1:] for block in (await reading).split("\n\n") if (event := parsed(block))]


def test_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(v2_events, "PAUSE", 0.0)
    saved(tmp_path)

    async def test(api: Api) -> None:
        api.add(id="a")
        live = Live(api.jobs.claim())  # type: ignore[arg-type]
        api.dispatcher.live = live

        def happens() -> None:
            live.fold({"event": "started", "targets": ["1"], "nodes": 1})
            live.fold({"event": "node_started", "node": "1", "type": "PreviewAny", "parent": None})
            live.fold({"event": "progressed", "node": "1", "value": 3, "total": 20})
            api.feed.publish("a", "progress", {"node": "1"})
            api.feed.publish("a", "preview", {"node": "1", "image_type": "image/jpeg", "image": "AAAA"})
            api.tell("a", "output", {"node": "1", "output": {"images": [SAVED]}})
            api.jobs.finish("a", "success")
            api.tell("a", "end", {"status": "completed"})

        events = await follow(api, "a", happens)
        assert [type for type, _ in events] == [
            "status", "progress", "progress", "preview", "output", "progress", "status",
        ]  # fmt: skip
        assert events[0][1] == {"status": "running", "queue_position": None}
        progress = events[2][1]
        assert (progress["current_node"], progress["step"], progress["steps"]) == ("1", 3, 20)
        assert progress["message"] == "PreviewAny 3/20"
        assert events[3][1] == {"node_id": "1", "content_type": "image/jpeg", "data_base64": "AAAA"}
        assert events[4][1]["size_bytes"] == len(PICTURE)
        assert events[-1][1]["status"] == "succeeded"
        assert [type for type, _ in await follow_finished(api)] == ["status"]

    run(tmp_path, test)


async def follow_finished(api: Api) -> list[tuple[str, dict[str, Any]]]:
    api.dispatcher.live = None
    async with api.client.get("/v2/jobs/a/events") as answer:
        text = (await answer.read()).decode()
    return [event[1:] for block in text.split("\n\n") if (event := parsed(block))]
