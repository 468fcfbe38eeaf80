"""The standard's history."""

from pathlib import Path

from tests.web.handlers import GRAPH, SAVED, Api, run


def test_an_entry_has_the_shape_of_the_standard(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a", client_id="c")
        assert await api.get("/history/a") == {}, "not while it waits"
        api.finish("a")
        assert await api.get("/history/a") == {
            "a": {
                "prompt": [1, "a", GRAPH, {"client_id": "c"}, ["1"]],
                "outputs": {"1": {"images": [SAVED]}},
                "meta": {"1": {"node_id": "1", "display_node": "1", "parent_node": None, "real_node_id": "1"}},
                "status": {
                    "status_str": "success",
                    "completed": True,
                    "messages": [["execution_start", {"prompt_id": "a"}]],
                },
            }
        }
        assert await api.get("/history/unknown") == {}

    run(tmp_path, test)


def test_what_failed_or_was_cancelled_is_not_completed(tmp_path: Path):
    async def test(api: Api) -> None:
        for state in ("error", "cancelled"):
            job = api.done(state)
            status = (await api.get(f"/history/{job.id}"))[job.id]["status"]
            assert (status["status_str"], status["completed"]) == ("error", False)

    run(tmp_path, test)


def test_outputs_of_nodes_that_were_returned_are_shown_at_the_node_that_returned_them(tmp_path: Path):
    async def test(api: Api) -> None:
        job = api.add({"5:1": {"class_type": "A", "inputs": {}}})
        api.jobs.claim()
        for node in ("5:1", "5:1.0.7"):
            api.jobs.output(job.id, node, {"text": ["x"]}, 0, False)
        api.jobs.finish(job.id, "success")
        meta = (await api.get(f"/history/{job.id}"))[job.id]["meta"]
        inner = {"node_id": "5:1.0.7", "display_node": "5:1", "parent_node": "5:1", "real_node_id": "5:1"}
        assert meta["5:1.0.7"] == inner
        assert meta["5:1"]["parent_node"] is None

    run(tmp_path, test)


def test_pages_are_cut_as_the_standard_does(tmp_path: Path):
    async def test(api: Api) -> None:
        for i in range(7):
            api.done(id=f"j{i}")
        for query, wanted in {
            "": "0123456",
            "?max_items=2": "56",
            "?max_items=2&offset=0": "01",
            "?max_items=3&offset=5": "56",
            "?offset=4": "456",
            "?max_items=0": "",
            "?max_items=99": "0123456",
        }.items():
            assert list(await api.get(f"/history{query}")) == [f"j{i}" for i in wanted], query
        assert (await api.call("GET", "/history?max_items=x"))[0] == 400

    run(tmp_path, test)


def test_a_long_history_is_sent_in_pages(tmp_path: Path):
    async def test(api: Api) -> None:
        with api.jobs.together():
            for i in range(250):
                api.done(id=f"j{i}")
        for query, first in {"": 0, "?max_items=220": 30, "?max_items=150&offset=-1": 100}.items():
            assert list(await api.get(f"/history{query}")) == [f"j{i}" for i in range(first, 250)]

    run(tmp_path, test)


def test_finished_jobs_are_forgotten(tmp_path: Path):
    async def test(api: Api) -> None:
        for id in "abc":
            api.done(id=id)
        api.add(id="waits")
        await api.call("POST", "/history", json={"delete": ["a", "waits"]})
        assert list(await api.get("/history")) == ["b", "c"]
        await api.call("POST", "/history", json={"clear": True})
        assert await api.get("/history") == {}
        assert api.jobs.remaining() == 1
        for body in ([], {"delete": "a"}):
            assert (await api.call("POST", "/history", json=body))[0] == 400

    run(tmp_path, test)
