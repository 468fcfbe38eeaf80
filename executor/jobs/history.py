"""What is known of the jobs in the file: the history, lists, events."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from sqlite3 import Row
from typing import Any

from executor.jobs import records
from executor.jobs.database import Database, JobsError
from executor.jobs.records import Job, State, Summary
from executor.jobs.search import filters

# Lists, by other names than the one that a method below has.
JobList = list[Job]
Ids = list[str]
Page = tuple[list[Summary], int]
Event = tuple[int, str, dict[str, Any]]
Events = list[Event]
Rows = list[Row]

LARGEST = 2**63 - 1  # that SQLite knows
_FROM = "FROM jobs JOIN requests ON requests.job = jobs.seq LEFT JOIN results ON results.job = jobs.seq"


class UnknownJob(JobsError):
    """No job of that id is in a state in which this could be done to it."""


class History:
    """The jobs in one file, of which the newest `keep` that finished stay."""

    def __init__(self, database: Database, keep: int):
        self._database, self._keep = database, keep
        self._counted: tuple[int, int] | None = None  # how many have finished, as of so many rollbacks

    def together(self) -> AbstractContextManager[None]:
        """Makes one transaction of all that is done in the block: kept as a whole, or, if it raises, not at all."""
        return self._database.together()

    def close(self) -> None:
        self._database.close()

    def get(self, id: str) -> Job | None:
        job = self._database.value("SELECT seq FROM jobs WHERE id = ?", (id,))
        return None if job is None else self._job(job)

    def history(self, max_items: int | None = None, offset: int = -1) -> JobList:
        """Finished jobs, the first to finish first; with a negative offset, the last `max_items` of them."""
        jobs = self._seqs("ended IS NOT NULL ORDER BY ended")
        count = len(jobs) if max_items is None else max(0, max_items)
        start = offset if offset >= 0 else max(0, len(jobs) - count)
        return [self._job(job) for job in jobs[start : start + count]]

    def list(
        self,
        states: Collection[State] | None = None,
        client_id: str | None = None,
        search: str | None = None,
        workflow_id: str | None = None,
        limit: int = 100,
        offset: int = 0,
        newest: bool = True,
    ) -> Page:
        """A page of the jobs that fit, by when they were added, and how many fit.

        Those fit a search in which each of its words is in a literal or title of the graph or a file name.
        """
        where, values = filters(states, client_id, search, workflow_id)
        found = self._seqs(f"{where} ORDER BY seq {'DESC' if newest else ''}", values)
        start = max(0, offset)
        return [self._summary(job) for job in found[start : start + max(0, limit)]], len(found)

    def forget(self, ids: Iterable[str]) -> Ids:
        """Removes those of these that have finished, and says which these were."""
        return self._remove(ids, "ended IS NOT NULL")

    def forget_all(self) -> None:
        """Removes all that have finished."""
        with self.together():
            self._counted = None
            self._database.execute("DELETE FROM jobs WHERE ended IS NOT NULL")

    def owed(self) -> Ids:
        """The finished jobs with a webhook of which no event `webhook` says what came of it."""
        rows = self._database.rows(
            "SELECT id FROM jobs WHERE ended IS NOT NULL AND webhook IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM events WHERE events.job = jobs.seq AND type = 'webhook') ORDER BY ended"
        )
        return [row["id"] for row in rows]

    def append(self, id: str, type: str, data: Mapping[str, Any]) -> int:
        """Keeps an event of a job; its number, from 1. Raises UnknownJob."""
        with self.together():
            job = self._find(id, "1", "is known")
            seq: int = 1 + self._database.value("SELECT ifnull(max(seq), 0) FROM events WHERE job = ?", (job,))
            self._database.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (job, seq, type, records.text(data)))
        return seq

    def events_after(self, id: str, seq: int) -> Events:
        """The events of a job that have a greater number."""
        rows = self._database.rows(
            "SELECT seq, type, data FROM events WHERE job = (SELECT seq FROM jobs WHERE id = ?) AND seq > ? "
            "ORDER BY seq",
            (id, max(0, min(seq, LARGEST))),
        )
        return [(row["seq"], row["type"], json.loads(row["data"])) for row in rows]

    def _finished(self) -> int:
        """How many have finished, counted once and then remembered."""
        if self._counted is None or self._counted[1] != self._database.rollbacks:
            count = self._database.value("SELECT count(*) FROM jobs WHERE ended IS NOT NULL")
            self._counted = count, self._database.rollbacks
        return self._counted[0]

    def _trim(self) -> None:
        excess = self._finished() - self._keep
        if excess > 0:
            self._database.execute(
                "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE ended IS NOT NULL ORDER BY ended LIMIT ?)",
                (excess,),
            )
            self._counted = self._keep, self._database.rollbacks

    def _remove(self, ids: Iterable[str], where: str) -> Ids:
        with self.together():
            self._counted = None
            query = f"DELETE FROM jobs WHERE id = ? AND {where}"
            return [id for id in ids if self._database.execute(query, (id,)).rowcount]

    def _find(self, id: str, where: str, state: str) -> int:
        found = self._database.value(f"SELECT seq FROM jobs WHERE id = ? AND {where}", (id,))
        if found is None:
            raise UnknownJob(f"no job {id} {state}")
        return found

    def _seqs(self, where: str, values: Sequence[Any] = ()) -> list[int]:
        return [row[0] for row in self._database.rows(f"SELECT seq FROM jobs WHERE {where}", values)]

    def _job(self, job: int) -> Job:
        return records.job(*self._rows(job, records.LONG))

    def _summary(self, job: int) -> Summary:
        return records.summary(*self._rows(job, records.SHORT))

    def _rows(self, job: int, columns: str) -> tuple[Row, Rows]:
        row = self._database.execute(f"SELECT {columns} {_FROM} WHERE jobs.seq = ?", (job,)).fetchone()
        outputs = "SELECT node, ui, seconds, cached FROM outputs WHERE job = ? ORDER BY rowid"
        return row, self._database.rows(outputs, (job,))

    def _later(self, where: str) -> Iterator[Job]:
        rows = [self._rows(job, records.LONG) for job in self._seqs(where)]
        return (records.job(*row) for row in rows)
