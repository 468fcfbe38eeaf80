"""What the queue and the history cost with 10,000 finished jobs in them.

    python bench/history.py [JOBS]

Each job has a graph of 20 nodes with a prompt of its own and the editor's workflow along with it. What is printed last
in each line is how many bare SQLite commits (one row of 100 bytes into a file kept the same way) take as long, best of
several in the same run.
"""

from __future__ import annotations

import gc
import json
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from executor.jobs import Jobs

REPEATS = 7
COMMITS = 2_000
WORDS = ("red", "green", "fox", "river", "mountain", "castle", "portrait", "sunset", "oil", "sharp", "light", "stone")


def graph(number: int) -> dict[str, Any]:
    """Twenty nodes, about 4 kB of JSON."""
    text = " ".join(random.Random(number).choices(WORDS, k=60))
    nodes = {
        str(i): {"class_type": "KSampler", "inputs": {"seed": number, "model": [str(i - 1), 0]}} for i in range(18)
    }
    prompts = {name: {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["0", 1]}} for name in "ab"}
    return {id: node | {"_meta": {"title": f"Step {id} of the way"}} for id, node in (nodes | prompts).items()}


def extra(number: int) -> dict[str, Any]:
    """The editor's workflow: about 12 kB."""
    node = {
        "id": 1,
        "type": "KSampler",
        "pos": [100, 200],
        "inputs": [{"name": "model", "type": "MODEL", "link": 1}] * 5,
    }
    return {"extra_pnginfo": {"workflow": {"id": f"w{number % 50}", "nodes": [node] * 40}}}


def cycle(jobs: Jobs, number: int) -> None:
    """One job, from its arrival to its end, as the server keeps it."""
    job, _ = jobs.add(graph(number), ["17"], client_id=f"c{number % 8}", extra=extra(number))
    assert jobs.claim()
    jobs.append(job.id, "status", {"status": "in_progress"})
    shown = {"images": [{"filename": f"fox_{number:05}_.png", "subfolder": "", "type": "output"}]}
    with jobs.together():
        jobs.output(job.id, "17", shown, 1.5, False)
        jobs.append(job.id, "output", {"node": "17", "output": shown})
    with jobs.together():
        jobs.timing(job.id, {str(i): 0.25 for i in range(20)})
        jobs.finish(job.id, "success", messages=[["execution_success", {"prompt_id": job.id}]])
        jobs.append(job.id, "end", {"status": "completed"})


def best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Seconds: the best of several runs, since other work on the machine only ever adds to them."""
    spent: list[float] = []
    for _ in range(repeats):
        gc.collect()
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)


def bare_commit(path: Path) -> float:
    """Seconds of one insert and commit."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")

    def insert() -> None:
        for _ in range(COMMITS):
            connection.execute("INSERT INTO rows (text) VALUES (?)", ("x" * 100,))

    seconds = best(insert) / COMMITS
    connection.close()
    return seconds


def reopen(path: Path, keep: int) -> None:
    Jobs.open(path, keep=keep).close()


def measure(jobs: Jobs, count: int) -> dict[str, float]:
    """Seconds of what a server with so many finished jobs does."""
    some = jobs.list(limit=1)[0][0].id
    many = count // 20
    return {
        "list the first page": best(jobs.list),
        "list the last page": best(lambda: jobs.list(offset=count - 100)),
        "list one client's jobs": best(lambda: jobs.list(client_id="c3", states=("success",))),
        "search, found often": best(lambda: jobs.list(search="fox castle")),
        "search, found once": best(lambda: jobs.list(search=f"FOX_{count // 2:05}_.png")),
        "search, never found": best(lambda: jobs.list(search="giraffe")),
        "one job": best(lambda: jobs.get(some)),
        "history, newest 100": best(lambda: jobs.history(100)),
        "how many remain": best(jobs.remaining),
        "a whole job, full history": best(lambda: [cycle(jobs, count + i) for i in range(many)], 3) / many,
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        unit = bare_commit(Path(folder) / "bare.db")
        jobs = Jobs.open(path, keep=count)
        fill = best(lambda: [cycle(jobs, i) for i in range(count)], 1) / count
        jobs.close()
        size = path.stat().st_size / count
        seconds = {"open and close": best(lambda: reopen(path, count)), "a whole job, from empty": fill}
        jobs = Jobs.open(path, keep=count)
        seconds |= measure(jobs, count)
        seconds["forget all"] = best(jobs.forget_all, 1)
        jobs.close()
    print(f"{count} finished jobs, {size / 1024:.1f} KiB each; a bare commit takes {unit * 1e6:.1f} us")
    print(f"{'':>26} {'ms':>10} {'commits':>10}")
    for name, spent in seconds.items():
        print(f"{name:>26} {spent * 1e3:>10.3f} {spent / unit:>10.1f}")
    figures: dict[str, Any] = {"jobs": count, "bytes_a_job": round(size), "commit_us": round(unit * 1e6, 2)}
    print(json.dumps(figures | {re.sub(r"\W+", "_", name): round(s / unit, 1) for name, s in seconds.items()}))


if __name__ == "__main__":
    main()
