"""The durable queue and the history: order, states, search, retention; what a kill or a bad file may not do."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from executor.jobs import DuplicateId, Jobs, JobsError, JobsLocked, UnknownJob, database
from executor.jobs.database import MIGRATIONS, Database

ROOT = Path(__file__).parents[2]
GRAPH: dict[str, Any] = {
    "1": {"class_type": "Text", "inputs": {"text": "A red fox", "seed": 7}, "_meta": {"title": "The prompt"}},
    "2": {"class_type": "Save", "inputs": {"image": ["1", 0]}},
}


def shows(*names: str, type: str = "output") -> dict[str, Any]:
    return {"images": [{"filename": name, "subfolder": "", "type": type} for name in names]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def jobs(path: Path) -> Iterator[Jobs]:
    opened = Jobs.open(path)
    yield opened
    opened.close()


def add(jobs: Jobs, **how: Any) -> str:
    job, new = jobs.add(GRAPH, ["2"], **how)
    assert new
    return job.id


def run(jobs: Jobs, **how: Any) -> str:
    """The id of a job that was added, ran and succeeded."""
    id = add(jobs, **how)
    claimed = jobs.claim()
    assert claimed is not None
    assert claimed.id == id
    jobs.finish(id, "success")
    return id


def ids(found: Any) -> list[str]:
    return [job.id for job in found]


# what is kept of a job


def test_a_job_is_kept_as_it_was_given(jobs: Jobs, path: Path):
    job, new = jobs.add(
        GRAPH,
        ("2",),
        id="mine",
        client_id="me",
        extra={"extra_pnginfo": {"workflow": {"id": "w"}}},
        force=True,
        preview="taesd",
        webhook="https://example.org/",
        node_errors={"3": {"errors": []}},
    )
    assert new
    assert jobs.get("mine") == job
    assert (job.state, job.graph, job.targets, job.client_id, job.force) == ("pending", GRAPH, ("2",), "me", True)
    assert (job.preview, job.webhook, job.node_errors) == ("taesd", "https://example.org/", {"3": {"errors": []}})
    assert (job.started, job.finished, job.crashes, job.error) == (None, None, 0, None)
    jobs.close()
    again = Jobs.open(path)
    assert again.get("mine") == job
    again.close()


def test_a_run_is_kept(jobs: Jobs):
    id = add(jobs)
    claimed = jobs.claim()
    assert claimed is not None
    assert claimed.state == "running"
    assert claimed.started is not None
    jobs.output(id, "2", shows("a.png"), 0.5, False)
    jobs.output(id, "5", {"text": ["hi"]}, 0.0, True)
    jobs.output(id, "2", shows("b.png"), 0.75, False)  # a node may show something again
    jobs.timing(id, {"1": 2.0})
    jobs.timing(id, {"1": 3.0, "4": 1.0})
    job = jobs.finish(id, "error", error={"message": "no"}, messages=[("execution_error", {"node": "4"})], now=12.5)
    assert job == jobs.get(id)
    assert list(job.outputs.items()) == [("2", shows("b.png")), ("5", {"text": ["hi"]})]
    assert job.seconds == {"1": 3.0, "2": 0.75, "4": 1.0, "5": 0.0}
    assert job.cached == ("5",)
    assert (job.state, job.error, job.finished) == ("error", {"message": "no"}, 12.5)
    assert job.messages == [["execution_error", {"node": "4"}]]


VALUES = st.recursive(st.text() | st.floats() | st.none(), st.lists)
GRAPHS = st.dictionaries(
    st.text(max_size=5),
    st.fixed_dictionaries({"inputs": st.dictionaries(st.text(max_size=3), VALUES)}),
    max_size=3,
)


def test_any_graph_comes_back(jobs: Jobs):
    @given(GRAPHS)
    @settings(max_examples=20)
    def check(graph: dict[str, Any]):
        graph["odd"] = {"inputs": {"half": "\ud800", "nothing": "\0"}}
        job, _ = jobs.add(graph, ["odd"])
        assert repr(job.graph) == repr(graph)  # a NaN is not equal to itself

    check()


def test_graphs_that_are_no_graphs_are_kept_too(jobs: Jobs):
    job, _ = jobs.add({"1": 5, "2": {"inputs": None}, "3": {"inputs": [1]}}, [])
    assert job.graph == {"1": 5, "2": {"inputs": None}, "3": {"inputs": [1]}}


# order


def test_jobs_run_in_order_and_those_in_front_before_them(jobs: Jobs):
    first, second = add(jobs), add(jobs)
    front, before = add(jobs, front=True), add(jobs, front=True)
    between = add(jobs, number=1.5)
    assert ids(jobs.pending()) == [before, front, first, between, second]
    assert [job.number for job in jobs.pending()] == [-4, -3, 1, 1.5, 2]
    assert [jobs.position(id) for id in (before, first, second, "unknown")] == [0, 2, 4, None]


def test_equal_numbers_run_in_the_order_of_arrival(jobs: Jobs):
    given = [add(jobs, number=3) for _ in range(5)]
    assert ids(jobs.pending()) == given


def test_a_number_is_never_used_again(jobs: Jobs, path: Path):
    for _ in range(3):
        run(jobs)
    jobs.forget_all()
    jobs.delete([add(jobs)])
    jobs.close()
    again = Jobs.open(path)
    assert again.add(GRAPH, [])[0].number == 5
    again.close()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400])
def test_a_number_must_be_finite(jobs: Jobs, number: float):
    with pytest.raises(ValueError, match="finite"):
        jobs.add(GRAPH, [], number=number)
    assert jobs.remaining() == 0


def test_a_job_that_is_put_back_is_next_again_and_shows_nothing(jobs: Jobs):
    first, second = add(jobs), add(jobs)
    jobs.claim()
    jobs.output(first, "2", shows("half.png"), 1.0, False)
    jobs.timing(first, {"1": 1.0})
    job = jobs.put_back(first, crashed=True)
    assert (job.state, job.crashes, job.started, job.outputs, job.seconds) == ("pending", 1, None, {}, {})
    assert ids(jobs.pending()) == [first, second]
    assert jobs.list(search="half.png") == ([], 0)
    jobs.claim()
    assert jobs.put_back(first, crashed=False).crashes == 1


def test_nothing_is_given_out_while_paused_also_after_a_restart(jobs: Jobs, path: Path):
    id = add(jobs)
    assert not jobs.paused
    jobs.paused = True
    assert jobs.claim() is None
    jobs.close()
    again = Jobs.open(path)
    assert again.paused
    assert again.claim() is None
    again.paused = False
    assert ids([again.claim()]) == [id]
    again.close()


def test_the_queue_is_told_as_of_one_moment(jobs: Jobs):
    first, second, third = (add(jobs) for _ in range(3))
    jobs.claim()
    running, pending = jobs.queue()
    jobs.finish(first, "success")
    jobs.claim()
    jobs.delete([third])
    assert [(job.id, job.state) for job in running] == [(first, "running")]
    assert [(job.id, job.state, job.graph) for job in pending] == [(id, "pending", GRAPH) for id in (second, third)]


# submitting twice


def test_a_key_names_one_job(jobs: Jobs):
    job, new = jobs.add(GRAPH, ["2"], key="k")
    same, again = jobs.add({}, [], id="other", key="k")
    assert (new, again) == (True, False)
    assert same == job
    assert jobs.remaining() == 1


def test_an_id_is_used_once(jobs: Jobs):
    add(jobs, id="a")
    with pytest.raises(DuplicateId, match="a job a already"):
        jobs.add(GRAPH, [], id="a")
    assert jobs.remaining() == 1


# what cannot be done


def test_only_what_fits_the_state_is_done(jobs: Jobs):
    waiting, done = add(jobs, number=5), run(jobs, front=True)
    refused = [
        lambda: jobs.put_back(waiting, crashed=False),
        lambda: jobs.output(waiting, "1", {}, 0.0, False),
        lambda: jobs.timing(done, {}),
        lambda: jobs.finish(done, "error"),
        lambda: jobs.move(done, 0),
        lambda: jobs.append("unknown", "status", {}),
        lambda: jobs.finish("unknown", "success"),
    ]
    for attempt in refused:
        with pytest.raises(UnknownJob, match="no job "):
            attempt()
    assert jobs.delete([done, "unknown"]) == []
    assert jobs.forget([waiting, "unknown"]) == []
    with pytest.raises(ValueError, match="cannot finish as 'pending'"):
        jobs.finish(waiting, "pending")


def test_a_waiting_job_may_be_given_up(jobs: Jobs):
    id = add(jobs)
    assert jobs.finish(id, "cancelled").state == "cancelled"
    assert ids(jobs.history()) == [id]
    assert jobs.claim() is None


def test_a_text_that_cannot_be_kept_is_an_error(jobs: Jobs):
    with pytest.raises(JobsError, match="surrogate"):
        jobs.add(GRAPH, [], id="\ud800")
    assert jobs.remaining() == 0


# transactions


def test_what_is_done_together_is_kept_together(jobs: Jobs):
    id = add(jobs)
    jobs.claim()

    def fail_at_the_end() -> None:
        with jobs.together():
            jobs.append(id, "end", {})
            jobs.finish(id, "success")
            raise KeyError("oh")

    with pytest.raises(KeyError):
        fail_at_the_end()
    assert ids(jobs.running()) == [id]
    assert jobs.events_after(id, 0) == []
    assert jobs.history() == []


# events


def test_events_are_numbered_and_resumed(jobs: Jobs, path: Path):
    id, other = add(jobs), add(jobs)
    assert [jobs.append(id, "status", {"n": n}) for n in range(3)] == [1, 2, 3]
    assert jobs.append(other, "end", {}) == 1
    jobs.close()
    again = Jobs.open(path)
    assert again.events_after(id, 1) == [(2, "status", {"n": 1}), (3, "status", {"n": 2})]
    assert again.events_after(id, 10**30) == again.events_after("unknown", 0) == []
    assert len(again.events_after(id, -(10**30))) == 3
    again.delete([id])
    assert again.events_after(id, 0) == []
    again.close()


def test_a_webhook_is_owed_until_an_event_says_what_came_of_it(jobs: Jobs):
    add(jobs, webhook="https://example.org/waits", number=9)
    run(jobs, front=True)
    done = [run(jobs, webhook="https://example.org/", front=True) for _ in range(2)]
    assert jobs.owed() == done
    jobs.append(done[0], "webhook", {"delivered": True})
    assert jobs.owed() == done[1:]


# history


def test_history_has_pages(jobs: Jobs):
    done = [run(jobs) for _ in range(5)]
    add(jobs)
    assert ids(jobs.history()) == done
    assert ids(jobs.history(2)) == done[-2:]
    assert ids(jobs.history(2, 0)) == done[:2]
    assert ids(jobs.history(2, 1)) == done[1:3]
    assert ids(jobs.history(None, 3)) == done[3:]
    assert ids(jobs.history(9)) == done
    assert jobs.history(0) == jobs.history(-3) == jobs.history(2, 10**30) == []


def test_history_is_in_the_order_of_finishing_whatever_the_clock_says(jobs: Jobs):
    done = [add(jobs) for _ in range(3)]
    for id, now in zip(reversed(done), (30.0, 20.0, 10.0), strict=True):
        jobs.finish(id, "success", now=now)
    assert ids(jobs.history()) == done[::-1]


def test_the_oldest_leave_a_full_history(path: Path):
    jobs = Jobs.open(path, keep=3)
    done = [run(jobs) for _ in range(5)]
    waiting = add(jobs)
    assert ids(jobs.history()) == done[2:]
    assert jobs.get(done[0]) is None
    jobs.forget([done[4]])
    done.append(jobs.finish(waiting, "error").id)
    assert ids(jobs.history()) == [done[2], done[3], done[5]]
    jobs.close()
    fewer = Jobs.open(path, keep=1)
    assert ids(fewer.history()) == [done[5]]
    fewer.forget_all()
    assert fewer.history() == []
    fewer.close()


def test_nothing_is_left_of_what_was_removed(jobs: Jobs):
    done, waiting = run(jobs, key="k"), add(jobs)
    jobs.append(done, "end", {})
    jobs.forget([done])
    assert jobs.clear() == [waiting]
    tables = [row[0] for row in jobs._database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    left = {name: jobs._database.value(f"SELECT count(*) FROM {name}") for name in tables}
    assert left == {name: int(name == "sqlite_sequence") for name in tables}
    assert jobs.add(GRAPH, [], id=done, key="k")[1]  # neither id nor key is taken


# lists


def test_a_list_has_pages_and_filters(jobs: Jobs):
    workflow = {"extra_pnginfo": {"workflow": {"id": "w"}}}
    done = [run(jobs, client_id="a"), run(jobs, client_id="b", extra=workflow)]
    waiting = [add(jobs, client_id="a"), add(jobs)]
    every = done + waiting

    def listed(**how: Any) -> tuple[list[str], int]:
        found, total = jobs.list(**how)
        return ids(found), total

    assert listed() == (every[::-1], 4)
    assert listed(newest=False) == (every, 4)
    assert listed(limit=2, offset=1) == (every[::-1][1:3], 4)
    assert listed(offset=9) == listed(limit=0) == listed(limit=-1) == ([], 4)
    assert listed(states=("pending",)) == (waiting[::-1], 2)
    assert listed(states=["success", "pending"], client_id="a") == ([waiting[0], done[0]], 2)
    assert listed(states=()) == ([], 0)
    assert listed(workflow_id="w") == ([done[1]], 1)


def test_a_summary_tells_what_a_list_shows(jobs: Jobs):
    id = add(jobs, extra={"extra_pnginfo": {"workflow": {"id": "w"}}, "workflow_name": "A cat"})
    jobs.claim()
    jobs.output(id, "1", shows("p.png", type="temp"), 1.0, False)
    jobs.output(id, "2", {"text": ["no file"], "animated": [True]} | shows("a.png", "b.png"), 1.0, False)
    whole = jobs.finish(id, "success")
    summary = jobs.list()[0][0]
    assert (summary.outputs_count, summary.workflow_id, summary.name) == (3, "w", "A cat")
    assert [found.id for found in jobs.list(search="a CAT")[0]] == [id]
    saved = {"filename": "a.png", "subfolder": "", "type": "output", "nodeId": "2", "mediaType": "images"}
    assert summary.preview_output == saved  # rather than what was only looked at
    shared = ("id", "number", "state", "targets", "created", "started", "finished", "outputs", "seconds", "error")
    assert all(getattr(summary, name) == getattr(whole, name) for name in shared)


def test_a_list_reads_no_graph(jobs: Jobs):
    run(jobs)
    read: set[tuple[str | None, str | None]] = set()

    def note(action: int, table: str | None, column: str | None, *_: Any) -> int:
        if action == sqlite3.SQLITE_READ:
            read.add((table, column))
        return sqlite3.SQLITE_OK

    jobs._database._connection.set_authorizer(note)
    jobs.list(states=("success",), search="fox")
    assert ("requests", "targets") in read
    assert not read & {("requests", "graph"), ("requests", "extra"), ("results", "messages")}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("fox", True),
        ("FOX a", True),
        ("prompt", True),
        ("ünï", True),
        ("ÜNÏ", True),
        ("STRASSE", True),
        ("nested", True),
        ("100%", True),
        ("under_score", True),
        ("a\\b", True),
        ("out_00001_.png", True),
        ("", True),
        ("   ", True),
        ("10%0", False),
        ("f%x", False),
        ("f_x", False),
        ("fox giraffe", False),
        ("KSampler", False),
        ("'; DROP TABLE jobs; --", False),
    ],
)
def test_search_finds_words_in_literals_titles_and_file_names(jobs: Jobs, search: str, found: bool):
    texts = {
        "a": "A red fox Ünï Straße",
        "b": {"deep": ["nested", 1]},
        "c": "100% under_score a\\b",
        "d": ["KSampler", 0],
    }
    job, _ = jobs.add({"1": {"class_type": "X", "inputs": texts, "_meta": {"title": "My Prompt"}}}, ["1"])
    jobs.claim()
    jobs.output(job.id, "1", shows("Out_00001_.png"), 0.0, False)
    assert jobs.list(search=search)[1] == int(found)


# kills


WORKER = """
import sys
from pathlib import Path
from executor.jobs import Jobs
jobs = Jobs.open(Path(sys.argv[1]))
while True:
    for _ in range(3):
        print("added", jobs.add({"1": {"inputs": {"text": "x" * 5000}}}, ["1"])[0].id, flush=True)
    for _ in range(2):
        job = jobs.claim()
        print("claimed", job.id, flush=True)
        with jobs.together():
            jobs.output(job.id, "1", {"images": [{"filename": job.id}]}, 0.1, False)
            jobs.append(job.id, "end", {})
            jobs.finish(job.id, "success")
        print("finished", job.id, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 50, 333])
def test_a_kill_loses_nothing_and_doubles_nothing(path: Path, lines: int):
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline().split() for _ in range(lines)]
        child.kill()
        said += [line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    told = {what: [id for word, id in said if word == what] for what in ("added", "claimed", "finished")}
    jobs = Jobs.open(path)
    done, waiting = jobs.history(), jobs.pending()
    known = ids(done) + ids(waiting)
    assert len(set(known)) == len(known)
    assert set(told["added"]) <= set(known)
    assert len(known) <= len(told["added"]) + 1  # one may have been kept and not yet told
    assert ids(done)[: len(told["finished"])] == told["finished"]
    assert ids(waiting) == [id for id in told["added"] if id in ids(waiting)] + ids(waiting)[-1:] * (
        len(known) - len(told["added"])
    )
    assert jobs.running() == []
    for job in done:
        assert (job.outputs, len(jobs.events_after(job.id, 0))) == ({"1": {"images": [{"filename": job.id}]}}, 1)
    for job in waiting:
        assert (job.crashes, job.outputs, jobs.events_after(job.id, 0)) == (0, {}, [])
    jobs.close()


# files


def test_a_second_server_is_told_so(jobs: Jobs, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "WAIT", 0.05)
    other = "import sys; from pathlib import Path; from executor import jobs\n"
    other += "from executor.jobs import database; database.WAIT = 0.05\n"
    other += "try: jobs.Jobs.open(Path(sys.argv[1]))\nexcept jobs.JobsLocked as error: print(error)"
    with pytest.raises(JobsLocked, match="a server already runs on this base directory"):
        Jobs.open(path)
    told = subprocess.run([sys.executable, "-c", other, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert str(path) in told.stdout
    assert "another --base-directory" in told.stdout
    add(jobs)
    jobs.close()
    Jobs.open(path).close()


def damaged(path: Path) -> dict[str, bytes]:
    """Files in place of a good one."""
    jobs = Jobs.open(path)
    for _ in range(20):
        run(jobs)
    jobs.close()
    good = path.read_bytes()
    return {
        "a text": b"hello\n" * 1000,
        "zeros": bytes(len(good)),
        "few bytes": good[:10],
        "part of a header": good[:50],
        "one page": good[:4096],
        "half": good[: len(good) // 2],
        "overwritten": good[:40] + bytes(range(256)) * 8 + good[2088:],
    }


def test_a_damaged_file_is_named_and_left_alone(path: Path):
    for name, content in damaged(path).items():
        path.write_bytes(content)
        with pytest.raises(JobsError) as caught:
            Jobs.open(path)
        assert str(path) in str(caught.value), name
        assert "ove it" in str(caught.value), name  # the remedy
        assert path.read_bytes() == content, name


def test_the_database_of_another_program_is_left_alone(path: Path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    content = path.read_bytes()
    with pytest.raises(JobsError, match="another program"):
        Jobs.open(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(JobsError, match=r"jobs\.db cannot be opened\. Its folder must exist"):
        Jobs.open(tmp_path / "nowhere" / "jobs.db")


def test_a_full_disk_is_said_and_leaves_nothing_half(jobs: Jobs):
    kept = add(jobs)
    database = jobs._database
    database.execute(f"PRAGMA max_page_count={database.value('PRAGMA page_count')}")
    with pytest.raises(JobsError, match="the disk is full"):
        jobs.add({"1": {"inputs": {"text": "x" * 100_000}}}, ["1"], id="large")
    assert ids(jobs.pending()) == [kept]
    assert jobs.get("large") is None
    database.execute("PRAGMA max_page_count=100000")
    assert jobs.add({"1": {"inputs": {"text": "x" * 100_000}}}, ["1"], id="large")[1]


# versions of the schema


def version(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return found


def test_a_published_schema_is_not_edited():
    digest = hashlib.sha256(" ".join(MIGRATIONS[0].split()).encode()).hexdigest()
    assert digest == "40b138b0a9c47758442dfdf793018624789cd30d8bcd819ed4d3f10a330daf84", "add a migration instead"


def test_a_file_of_the_first_version_is_read(path: Path):
    first = Database(path, MIGRATIONS[:1])
    first.execute(
        "INSERT INTO jobs (seq, id, number, rank, state, force, created, finished, ended) "
        "VALUES (1, 'done', 1, 1, 'success', 0, 10.0, 11.0, 1), (2, 'ran', 2, 2, 'running', 1, 12.0, NULL, NULL)"
    )
    first.execute("INSERT INTO requests SELECT seq, '[\"2\"]', '{}', '{}', '{\"1\": {}}' FROM jobs")
    first.execute("INSERT INTO words SELECT seq, 'fox', 'a.png' FROM jobs")
    first.execute("INSERT INTO results VALUES (1, NULL, '{\"2\": 0.5}', '[[\"execution_success\", {}]]')")
    first.execute("INSERT INTO outputs VALUES (1, '2', '{\"text\": [\"hi\"]}', 0.5, 0)")
    first.execute("INSERT INTO events VALUES (1, 1, 'end', '{}')")
    first.execute("INSERT INTO settings VALUES ('paused', 1)")
    first.close()
    jobs = Jobs.open(path)
    assert (ids(jobs.history()), ids(jobs.pending()), jobs.paused) == (["done"], ["ran"], True)
    assert jobs.history()[0].outputs == {"2": {"text": ["hi"]}}
    assert jobs.events_after("done", 0) == [(1, "end", {})]
    jobs.close()
    assert version(path) == len(MIGRATIONS)


def test_an_older_file_is_migrated_once(path: Path):
    second = "CREATE TABLE colours (name TEXT); INSERT INTO colours VALUES ('red')"
    older = Database(path, MIGRATIONS)
    older.execute("INSERT INTO settings VALUES ('paused', 1)")
    older.close()
    for _ in range(2):
        newer = Database(path, (*MIGRATIONS, second))
        assert newer.value("SELECT count(*) FROM colours") == 1
        assert newer.value("SELECT value FROM settings") == 1
        newer.close()
    assert version(path) == len(MIGRATIONS) + 1


def test_a_migration_that_fails_changes_nothing(path: Path):
    Database(path, MIGRATIONS).close()
    with pytest.raises(JobsError, match="no such table: missing"):
        Database(path, (*MIGRATIONS, "CREATE TABLE colours (name TEXT); DROP TABLE missing"))
    assert version(path) == len(MIGRATIONS)
    again = Database(path, (*MIGRATIONS, "CREATE TABLE colours (name TEXT)"))
    again.close()


def test_a_newer_file_is_left_alone(path: Path):
    Database(path, (*MIGRATIONS, "CREATE TABLE colours (name TEXT)")).close()
    content = path.read_bytes()
    known = len(MIGRATIONS)
    with pytest.raises(JobsError, match=rf"newer version \(schema {known + 1}; this one knows {known}\).*Update"):
        Jobs.open(path)
    assert path.read_bytes() == content


# everything in any order


class Machine(RuleBasedStateMachine):
    """The queue against lists in memory."""

    KEEP = 4
    added = Bundle("added")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.jobs = Jobs.open(self.folder / "jobs.db", keep=self.KEEP)
        self.count, self.paused = 0, False
        self.places: dict[str, tuple[float, int]] = {}  # of those that wait or run
        self.active: list[str] = []
        self.done: list[str] = []
        self.states: dict[str, str] = {}
        self.crashes: dict[str, int] = {}
        self.events: dict[str, int] = {}

    def waiting(self) -> list[str]:
        return sorted(self.places.keys() - set(self.active), key=self.places.__getitem__)

    def drop(self, gone: list[str]) -> None:
        for id in gone:
            self.places.pop(id, None)
            self.crashes.pop(id)
            self.events.pop(id)

    @rule(target=added, number=st.none() | st.integers(-2, 5) | st.sampled_from([0.5, 1.5]), front=st.booleans())
    def add(self, number: float | None, front: bool) -> str:
        self.count += 1
        id = f"j{self.count}"
        job, new = self.jobs.add(GRAPH, ["2"], id=id, number=number, front=front, key=f"key {id}")
        assert new
        self.places[id] = (job.number, self.count)
        assert job.number == (number if number is not None else -self.count if front else self.count)
        self.crashes[id] = self.events[id] = 0
        return id

    @rule(id=added)
    def add_again(self, id: str) -> None:
        if id in self.crashes:
            job, new = self.jobs.add({}, [], key=f"key {id}")
            assert (job.id, job.graph, new) == (id, GRAPH, False)

    @rule()
    def claim(self) -> None:
        waiting = self.waiting()
        job = self.jobs.claim()
        if self.paused or not waiting:
            assert job is None
        else:
            assert job is not None
            assert (job.id, job.state) == (waiting[0], "running")
            self.active.append(job.id)

    @precondition(lambda self: self.active)
    @rule(data=st.data(), crashed=st.booleans())
    def put_back(self, data: st.DataObject, crashed: bool) -> None:
        id = data.draw(st.sampled_from(self.active))
        self.jobs.output(id, "2", shows("x.png"), 0.0, False)
        self.crashes[id] += crashed
        job = self.jobs.put_back(id, crashed=crashed)
        assert (job.crashes, job.outputs) == (self.crashes[id], {})
        self.active.remove(id)

    @precondition(lambda self: self.places)
    @rule(data=st.data(), state=st.sampled_from(["success", "error", "cancelled"]))
    def finish(self, data: st.DataObject, state: Any) -> None:
        id = data.draw(st.sampled_from(sorted(self.places)))
        assert self.jobs.finish(id, state).state == state
        if id in self.active:
            self.active.remove(id)
        self.places.pop(id)
        self.states[id] = state
        self.done.append(id)
        self.drop(self.done[: -self.KEEP])
        self.done = self.done[-self.KEEP :]

    @rule(id=added)
    def append(self, id: str) -> None:
        if id in self.events:
            self.events[id] += 1
            assert self.jobs.append(id, "status", {}) == self.events[id]

    @rule(id=consumes(added))
    def delete(self, id: str) -> None:
        gone = [id] if id in self.waiting() else []
        assert self.jobs.delete([id]) == gone
        self.drop(gone)

    @rule()
    def clear(self) -> None:
        waiting = self.waiting()
        assert self.jobs.clear() == waiting
        self.drop(waiting)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), position=st.integers(-1, 8))
    def move(self, data: st.DataObject, position: int) -> None:
        order = self.waiting()
        places = [self.places[id] for id in order]
        id = data.draw(st.sampled_from(order))
        order.remove(id)
        order.insert(max(0, position), id)
        assert self.jobs.move(id, position) == order.index(id)
        self.places |= dict(zip(order, places, strict=True))

    @rule(value=st.booleans())
    def pause(self, value: bool) -> None:
        self.jobs.paused = self.paused = value

    @rule(id=added)
    def forget(self, id: str) -> None:
        gone = [id] if id in self.done else []
        assert self.jobs.forget([id]) == gone
        self.drop(gone)
        self.done = [other for other in self.done if other != id]

    @rule()
    def forget_all(self) -> None:
        self.jobs.forget_all()
        self.drop(self.done)
        self.done = []

    @rule()
    def undo(self) -> None:
        """Whatever is done in a block that fails has not been done."""
        try:
            with self.jobs.together():
                self.jobs.add(GRAPH, [])
                self.jobs.clear()
                self.jobs.forget_all()
                raise KeyError
        except KeyError:
            pass

    @rule()
    def reopen(self) -> None:
        self.jobs.close()
        self.jobs = Jobs.open(self.folder / "jobs.db", keep=self.KEEP)
        self.active = []

    @invariant()
    def the_same(self) -> None:
        waiting = self.waiting()
        assert ids(self.jobs.pending()) == waiting
        assert {job.id: job.number for job in self.jobs.pending()} == {id: self.places[id][0] for id in waiting}
        assert [self.jobs.position(id) for id in waiting] == list(range(len(waiting)))
        assert sorted(ids(self.jobs.running())) == sorted(self.active)
        assert self.jobs.remaining() == len(self.places)
        assert ids(self.jobs.history()) == self.done
        assert self.jobs.paused == self.paused
        listed, total = self.jobs.list(newest=False)
        assert {job.id: job.crashes for job in listed} == self.crashes
        assert ids(listed) == sorted(self.crashes, key=lambda id: int(id[1:]))
        assert total == len(self.crashes)
        assert {job.id: job.state for job in listed} == {
            id: self.states[id] if id in self.done else "running" if id in self.active else "pending"
            for id in self.crashes
        }
        assert {id: len(self.jobs.events_after(id, 0)) for id in self.events} == self.events

    def teardown(self) -> None:
        self.jobs.close()
        shutil.rmtree(self.folder)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=15, stateful_step_count=30)
