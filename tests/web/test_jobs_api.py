"""GET /jobs and what can be done to one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.web.handlers import GRAPH, SAVED, Api, run

CLOUD = {  # what Comfy Cloud's public API has
    "id", "status", "create_time", "execution_start_time", "execution_end_time", "execution_error",
    "preview_output", "outputs_count", "workflow_id",
}  # fmt: skip
CLOUD_DETAIL = CLOUD | {"update_time", "workflow", "outputs", "execution_status", "execution_meta"}


async def ids(api: Api, query: str) -> str:
    return "".join(job["id"] for job in (await api.get(f"/jobs?{query}"))["jobs"])


def test_jobs_are_listed_and_filtered(tmp_path: Path):
    async def test(api: Api) -> None:
        workflow = {"extra_pnginfo": {"workflow": {"id": "w"}}}
        api.done(id="a", client_id="me", extra=workflow)
        api.done("error", id="b", graph={"1": {"class_type": "A", "inputs": {"text": "a cat"}}})
        api.done("cancelled", id="c")
        api.add(id="d", client_id="me")
        api.jobs.claim()
        api.add(id="e")
        for query, wanted in {
            "": "edcba",
            "sort_order=asc": "abcde",
            "status=completed": "a",
            "status=failed,cancelled": "cb",
            "status=in_progress,%20pending": "ed",
            "status=running": "d",
            "client_id=me": "da",
            "workflow_id=w": "a",
            "search=cat": "b",
            "limit=2": "ed",
            "limit=2&offset=3": "ba",
            "offset=99": "",
        }.items():
            assert await ids(api, query) == wanted, query
        page = (await api.get("/jobs?limit=2&offset=1"))["pagination"]
        assert page == {"offset": 1, "limit": 2, "total": 5, "has_more": True}
        assert (await api.get("/jobs?offset=4"))["pagination"]["has_more"] is False
        assert [job["position"] for job in (await api.get("/jobs"))["jobs"]] == [0, None, None, None, None]
        for paused in (True, False):
            api.jobs.paused = paused
            assert (await api.get("/jobs"))["paused"] is paused

    run(tmp_path, test)


@pytest.mark.parametrize("query", ["status=lost", "sort_order=up", "sort_by=name", "limit=x", "offset=1.5"])
def test_what_is_no_query_is_refused(tmp_path: Path, query: str):
    async def test(api: Api) -> None:
        status, answer = await api.call("GET", f"/jobs?{query}")
        assert (status, answer["error"]["type"]) == (400, "invalid_request")

    run(tmp_path, test)


def test_limits_are_kept_within_bounds(tmp_path: Path):
    async def test(api: Api) -> None:
        for given, limit in {"0": 100, "-5": 1, "5000": 1000, "9" * 30: 1000}.items():
            assert (await api.get(f"/jobs?limit={given}"))["pagination"]["limit"] == limit

    run(tmp_path, test)


def test_an_item_is_a_superset_of_the_clouds(tmp_path: Path):
    async def test(api: Api) -> None:
        api.done(id="a")
        (item,) = (await api.get("/jobs"))["jobs"]
        assert item.keys() >= CLOUD
        assert (item["status"], item["outputs_count"], item["execution_error"]) == ("completed", 1, None)
        place = {"node": "1", "nodeId": "1", "kind": "images", "mediaType": "images"}
        url = "/view?filename=a_00001_.png&subfolder=x+y&type=output"
        assert item["preview_output"] == {**SAVED, **place, "url": url}
        assert item["preview_output"] == (await api.get("/jobs/a"))["preview_output"]
        assert item["create_time"] <= item["execution_start_time"] <= item["execution_end_time"]
        assert item["create_time"] > 1_600_000_000_000, "milliseconds"
        assert "workflow" not in item

    run(tmp_path, test)


def test_the_details_of_a_job(tmp_path: Path):
    async def test(api: Api) -> None:
        extra = {"extra_pnginfo": {"workflow": {"id": "w"}}}
        api.add(id="a", extra=extra, client_id="c")
        api.add(id="b")
        waiting = await api.get("/jobs/b")
        assert (waiting["status"], waiting["position"], waiting["progress"]) == ("pending", 1, None)
        assert waiting["execution_status"] is None
        api.finish("a")
        done = await api.get("/jobs/a")
        assert done.keys() >= CLOUD_DETAIL
        assert done["workflow"] == {"prompt": GRAPH, "extra_data": {**extra, "client_id": "c"}}
        assert (done["workflow_id"], done["outputs_count"], done["priority"]) == ("w", 1, 1)
        assert done["outputs"] == {"1": {"images": [SAVED]}}
        assert done["execution_status"]["completed"] is True
        assert done["files"][0]["url"] == "/view?filename=a_00001_.png&subfolder=x+y&type=output"
        assert done["links"] == {"self": "/jobs/a", "events": "/jobs/a/events", "cancel": "/jobs/a/cancel"}
        assert (await api.call("GET", "/jobs/unknown"))[0] == 404

    run(tmp_path, test)


def test_a_failed_job_says_why(tmp_path: Path):
    error = {"node_id": "3", "node_type": "KSampler", "exception_message": "no memory", "exception_type": "MemoryError"}

    async def test(api: Api) -> None:
        api.add(id="a")
        api.finish("a", "error", error=error)
        job = await api.get("/jobs/a")
        assert (job["status"], job["error"]) == ("failed", "no memory")
        assert job["execution_error"] == error | {"traceback": [], "current_inputs": {}, "current_outputs": {}}

    run(tmp_path, test)


def test_a_running_job_says_how_far_it_is(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a")
        job = api.jobs.claim()
        progress = {"overall": 0.5, "nodes": {}}
        api.dispatcher.live = SimpleNamespace(job=job, progress=lambda: progress)
        found = await api.get("/jobs/a")
        assert (found["status"], found["position"], found["progress"]) == ("in_progress", None, progress)

    run(tmp_path, test)


def test_cancelling(tmp_path: Path):
    async def test(api: Api) -> None:
        for id in "abc":
            api.add(id=id)
        api.finish("a")
        assert (await api.post("/jobs/a/cancel"))["status"] == "completed", "what is over stays as it is"
        api.jobs.claim()
        assert (await api.post("/jobs/b/cancel"))["status"] == "in_progress", "it ends when the worker lets go"
        assert api.dispatcher.interrupted == ["b"]
        assert (await api.post("/jobs/c/cancel"))["status"] == "cancelled"
        assert api.jobs.remaining() == 1
        assert "c" in await api.get("/history")
        assert (await api.call("POST", "/jobs/unknown/cancel"))[0] == 404

    run(tmp_path, test)


def test_deleting(tmp_path: Path):
    async def test(api: Api) -> None:
        for id in "abc":
            api.add(id=id)
        api.finish("a")
        api.jobs.claim()
        answers: dict[str, Any] = {id: await api.call("DELETE", f"/jobs/{id}") for id in ("a", "b", "c", "unknown")}
        assert {id: status for id, (status, _) in answers.items()} == {"a": 204, "b": 409, "c": 204, "unknown": 404}
        assert [job.id for job in api.jobs.running()] == ["b"]
        assert await ids(api, "") == "b"

    run(tmp_path, test)
