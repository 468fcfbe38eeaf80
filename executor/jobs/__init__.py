"""The durable queue and the history: every job that was accepted, until it is forgotten.

For one thread of one process. What is returned is a copy of the moment; each method is one transaction.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from executor.jobs import records
from executor.jobs.database import Database, JobsError, JobsLocked
from executor.jobs.history import History, Ids, JobList, UnknownJob
from executor.jobs.records import FINISHED, Job, State, Summary
from executor.jobs.search import file_names, graph_words, searchable

__all__ = ["DuplicateId", "Job", "Jobs", "JobsError", "JobsLocked", "State", "Summary", "UnknownJob"]

_PENDING = "ended IS NULL AND state = 'pending'"
_RUNNING = "ended IS NULL AND state = 'running'"
_QUEUE = "ORDER BY number, rank"


class DuplicateId(JobsError):
    """A job of that id exists already."""


class Jobs(History):
    """The jobs in one file, and their queue."""

    @classmethod
    def open(cls, path: Path, *, keep: int = 10_000) -> Jobs:
        """The jobs of this file, which is made if it is not there. What ran when the process died waits again.

        The newest `keep` that finished stay. Raises JobsLocked if another server has it, JobsError if it is unfit.
        """
        jobs = cls(Database(path), keep)
        try:
            with jobs.together():
                for job in jobs._seqs(_RUNNING):
                    jobs._back(job, crashes=0)
                jobs._trim()
        except BaseException:
            jobs.close()
            raise
        return jobs

    # the queue

    def add(
        self,
        graph: Mapping[str, Any],
        targets: Sequence[str],
        *,
        id: str | None = None,
        client_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
        number: float | None = None,
        front: bool = False,
        force: bool = False,
        preview: str | None = None,
        webhook: str | None = None,
        key: str | None = None,
        node_errors: Mapping[str, Any] | None = None,
    ) -> tuple[Job, bool]:
        """The new job, or the one that `key` named before, and whether it is new. Raises DuplicateId.

        Jobs run in the order of their numbers. Without `number` it is one that no job had before, negative in `front`.
        """
        with self.together():
            if key is not None and (known := self._database.value("SELECT seq FROM jobs WHERE key = ?", (key,))):
                return self._job(known), False
            id = str(uuid.uuid4()) if id is None else id
            if self._database.value("SELECT 1 FROM jobs WHERE id = ?", (id,)):
                raise DuplicateId(f"there is a job {id} already: give this one another id, or none")
            seq = 1 + (self._database.value("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'") or 0)
            place = _number(number) if number is not None else -seq if front else seq
            extra = extra or {}
            told = (records.workflow_id(extra), name := records.workflow_name(extra))
            self._database.execute(
                "INSERT INTO jobs (seq, id, key, number, rank, state, client_id, workflow_id, name, force, preview, "
                "webhook, created) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?)",
                (seq, id, key, place, seq, client_id, *told, force, preview, webhook, time.time()),
            )
            self._database.execute(
                "INSERT INTO requests (job, targets, node_errors, extra, graph) VALUES (?, ?, ?, ?, ?)",
                (seq, *map(records.text, (list(targets), node_errors or {}, extra, graph))),
            )
            words = searchable((*graph_words(graph), name or ""))
            self._database.execute("INSERT INTO words (job, graph) VALUES (?, ?)", (seq, words))
            return self._job(seq), True

    def claim(self) -> Job | None:
        """The job whose turn it is, which now runs; None if none waits or the queue is paused."""
        with self.together():
            first = [] if self.paused else self._seqs(f"{_PENDING} {_QUEUE} LIMIT 1")
            for job in first:
                self._database.execute(
                    "UPDATE jobs SET state = 'running', started = ? WHERE seq = ?", (time.time(), job)
                )
            return self._job(first[0]) if first else None

    def put_back(self, id: str, *, crashed: bool) -> Job:
        """The running job waits again, where it was, as if it had not begun. Raises UnknownJob."""
        with self.together():
            job = self._find(id, _RUNNING, "runs")
            self._back(job, crashes=int(crashed))
            return self._job(job)

    def _back(self, job: int, crashes: int) -> None:
        self._database.execute(
            "UPDATE jobs SET state = 'pending', started = NULL, crashes = crashes + ? WHERE seq = ?", (crashes, job)
        )
        self._database.execute("DELETE FROM outputs WHERE job = ?", (job,))
        self._database.execute("DELETE FROM results WHERE job = ?", (job,))
        self._database.execute("UPDATE words SET files = '' WHERE job = ?", (job,))

    def running(self) -> JobList:
        return [*self._later(f"{_RUNNING} {_QUEUE}")]

    def pending(self) -> JobList:
        """Those that wait, in the order in which they will run."""
        return [*self._later(f"{_PENDING} {_QUEUE}")]

    def queue(self) -> tuple[Iterator[Job], Iterator[Job]]:
        """What runs and what waits, as of now. A job's texts, which may be long, are parsed when it is asked for."""
        return self._later(f"{_RUNNING} {_QUEUE}"), self._later(f"{_PENDING} {_QUEUE}")

    def remaining(self) -> int:
        """How many wait or run."""
        return self._database.value("SELECT count(*) FROM jobs WHERE ended IS NULL")

    def position(self, id: str) -> int | None:
        """How many jobs wait before this one; None if it does not wait."""
        return self._database.value(
            f"SELECT (SELECT count(*) FROM jobs WHERE {_PENDING} AND (number, rank) < (this.number, this.rank)) "
            f"FROM jobs AS this WHERE id = ? AND {_PENDING}",
            (id,),
        )

    def delete(self, ids: Iterable[str]) -> Ids:
        """Removes those of these that wait, and says which these were."""
        return self._remove(ids, _PENDING)

    def clear(self) -> Ids:
        """Removes all that wait, and says which these were."""
        with self.together():
            rows = self._database.rows(f"SELECT id FROM jobs WHERE {_PENDING} {_QUEUE}")
            self._database.execute(f"DELETE FROM jobs WHERE {_PENDING}")
        return [row["id"] for row in rows]

    def move(self, id: str, position: int) -> int:
        """Puts a waiting job to this place of the queue (0 is next) and says where it now is. Raises UnknownJob."""
        with self.together():
            job = self._find(id, _PENDING, "waits")
            rows = self._database.rows(f"SELECT seq, number, rank FROM jobs WHERE {_PENDING} {_QUEUE}")
            order = [row["seq"] for row in rows]
            old, new = order.index(job), max(0, min(position, len(order) - 1))
            order.insert(new, order.pop(old))
            # The jobs between take each other's numbers, so that the order is theirs alone, as for jobs never moved.
            for place in range(min(old, new), max(old, new) + 1 if old != new else 0):
                number, rank = rows[place]["number"], rows[place]["rank"]
                self._database.execute(
                    "UPDATE jobs SET number = ?, rank = ? WHERE seq = ?", (number, rank, order[place])
                )
        return new

    @property
    def paused(self) -> bool:
        """Whether no job is given out. It stays so over a restart."""
        return bool(self._database.value("SELECT value FROM settings WHERE name = 'paused'"))

    @paused.setter
    def paused(self, value: bool) -> None:
        with self.together():
            self._database.execute("INSERT OR REPLACE INTO settings VALUES ('paused', ?)", (int(value),))

    # what a job does

    def output(self, id: str, node: str, ui: Mapping[str, Any], seconds: float, cached: bool) -> None:
        """What a node of the running job shows. Raises UnknownJob."""
        with self.together():
            job = self._find(id, _RUNNING, "runs")
            self._database.execute(
                "INSERT INTO outputs (job, node, ui, seconds, cached) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET ui = excluded.ui, seconds = excluded.seconds, cached = excluded.cached",
                (job, node, records.text(ui), seconds, cached),
            )
            if names := searchable(file_names(ui)):
                self._database.execute("UPDATE words SET files = files || char(10) || ? WHERE job = ?", (names, job))

    def timing(self, id: str, seconds: Mapping[str, float]) -> None:
        """How long nodes of the running job took. Raises UnknownJob."""
        with self.together():
            job = self._find(id, _RUNNING, "runs")
            known = json.loads(self._database.value("SELECT timings FROM results WHERE job = ?", (job,)) or "{}")
            self._result(job, timings=known | seconds)

    def finish(
        self,
        id: str,
        state: State,
        *,
        error: Mapping[str, Any] | None = None,
        messages: Iterable[Sequence[Any]] = (),
        now: float | None = None,
    ) -> Job:
        """The job has ended, or is given up before it began. The oldest leave a full history. Raises UnknownJob."""
        if state not in FINISHED:
            raise ValueError(f"a job cannot finish as {state!r}: one of {', '.join(FINISHED)}")
        with self.together():
            job = self._find(id, "ended IS NULL", "waits or runs")
            count = self._finished()
            self._database.execute(
                "UPDATE jobs SET state = ?, finished = ?, ended = 1 + "
                "(SELECT ifnull(max(ended), 0) FROM jobs WHERE ended IS NOT NULL) WHERE seq = ?",
                (state, time.time() if now is None else now, job),
            )
            self._result(job, error=error, messages=[list(message) for message in messages])
            self._counted = count + 1, self._database.rollbacks
            found = self._job(job)
            self._trim()
            return found

    def _result(self, job: int, **values: Any) -> None:
        self._database.execute("INSERT OR IGNORE INTO results (job) VALUES (?)", (job,))
        for name, value in values.items():
            text = None if value is None else records.text(value)
            self._database.execute(f"UPDATE results SET {name} = ? WHERE job = ?", (text, job))


def _number(value: float) -> float:
    """Raises ValueError for what cannot be ordered."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("the number of a job must be finite")
    return number
