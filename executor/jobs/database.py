"""The file that holds the queue and the history: one SQLite database, one process that has it open.

A committed change survives `kill -9` of this process at any moment. A power cut or a crash of the operating system can
lose what that had not yet written to the disk, mostly the changes of the last half minute, and never damages the file:
that is what `synchronous=NORMAL` means, and it saves waiting for the disk at each of a job's changes.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

APPLICATION = 0x4D7A7A6F  # "Mzzo" in the file's header: that this database is ours
WAIT = 2.0  # seconds for a server that is just stopping to let go of the file
LOG_PAGES = (
    4_000  # of 4 KiB, between checkpoints. Each waits for the disk; with SQLite's 1,000 a job costs twice as much
)

MIGRATIONS: tuple[str, ...] = (
    # What lists and the queue look at is in `jobs`, in short rows; the long texts of a job are elsewhere.
    """
    CREATE TABLE settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        key TEXT UNIQUE,
        number NUMERIC NOT NULL,
        rank INTEGER NOT NULL,
        state TEXT NOT NULL,
        client_id TEXT,
        workflow_id TEXT,
        force INTEGER NOT NULL,
        preview TEXT,
        webhook TEXT,
        created REAL NOT NULL,
        started REAL,
        finished REAL,
        ended INTEGER,
        crashes INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX queue ON jobs (state, number, rank) WHERE ended IS NULL;
    CREATE INDEX history ON jobs (ended) WHERE ended IS NOT NULL;
    CREATE TABLE requests (
        job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        targets TEXT NOT NULL,
        node_errors TEXT NOT NULL,
        extra TEXT NOT NULL,
        graph TEXT NOT NULL
    );
    CREATE TABLE results (
        job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        error TEXT,
        timings TEXT NOT NULL DEFAULT '{}',
        messages TEXT NOT NULL DEFAULT '[]'
    );
    CREATE TABLE outputs (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        node TEXT NOT NULL,
        ui TEXT NOT NULL,
        seconds REAL NOT NULL,
        cached INTEGER NOT NULL,
        UNIQUE (job, node)
    );
    CREATE TABLE words (
        job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        graph TEXT NOT NULL,
        files TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE events (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (job, seq)
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE jobs ADD COLUMN name TEXT;",
)


class JobsError(Exception):
    """The queue cannot do what was asked; the message names the job or the file, and the remedy."""


class JobsLocked(JobsError):
    """Another server has the file open."""


# What SQLite says (a pattern), what that means for people, and the kind of error. In this order.
_MEANINGS: tuple[tuple[str, str, type[JobsError]], ...] = (
    (
        "locked",
        "{path} is in use: a server already runs on this base directory. Stop that one, or give this one another "
        "--base-directory",
        JobsLocked,
    ),
    (
        "not a database|unsupported file format",
        "{path} is no database of jobs, and was left as it is. Move it away, and the next start makes a new one",
        JobsError,
    ),
    (
        "malformed",
        "{path} is damaged, and was left as it is. Put back a copy of it, or move it and {path.name}-wal "
        "away, and the next start makes a new one",
        JobsError,
    ),
    (
        "is full",
        "{path.name} cannot grow: the disk is full. Nothing of this change was kept. Free some space and try again",
        JobsError,
    ),
    ("I/O error", "{path} cannot be read or written. See what the system's log says of its disk", JobsError),
    (
        "unable to open",
        "{path} cannot be opened. Its folder must exist, and the server must be allowed to write there",
        JobsError,
    ),
    ("readonly", "{path} cannot be written. Allow the server to write it and its folder", JobsError),
)


class Database:
    """A connection to the file, the only one there may be. Raises JobsError for whatever SQLite finds wrong."""

    def __init__(self, path: Path, migrations: Sequence[str] = MIGRATIONS):
        self.path = path
        self.rollbacks = 0  # how many transactions were undone: what was remembered of them is void
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
        try:
            self._prepare(migrations)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, migrations: Sequence[str]) -> None:
        self._connection.row_factory = sqlite3.Row
        self.execute("PRAGMA locking_mode=EXCLUSIVE")
        with self.together():  # takes the lock, before anything of a file is changed that may not be ours
            version = self._version(len(migrations))
        if (mode := self.execute("PRAGMA journal_mode=WAL").fetchone()[0]) != "wal":
            raise JobsError(f"{self.path} cannot be kept safe where it lies ({mode} is not wal): use a local disk")
        self.execute("PRAGMA synchronous=NORMAL")
        self.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        self.execute("PRAGMA foreign_keys=ON")
        with self.together():
            for number, script in enumerate(migrations[version:], version + 1):
                for statement in filter(str.strip, script.split(";")):
                    self.execute(statement)
                self.execute(f"PRAGMA user_version={number}")
            self.execute(f"PRAGMA application_id={APPLICATION}")

    def _version(self, known: int) -> int:
        """The version of the file's schema, 0 for a new file. Raises JobsError if it is not ours or too new."""
        version, application, tables = (
            self.execute(query).fetchone()[0]
            for query in ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
        )
        if application != APPLICATION and (tables or version or application):
            raise JobsError(
                f"{self.path} is the database of another program, and was left as it is. Move it away, or use another "
                "--base-directory"
            )
        if version > known:
            raise JobsError(
                f"{self.path} was written by a newer version (schema {version}; this one knows {known}), and was left "
                "as it is. Update this program, or use another --base-directory"
            )
        return version

    def execute(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        with self._explained():
            return self._connection.execute(query, values)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._explained():
            return self._connection.execute(query, values).fetchall()

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        with self._explained():
            row = self._connection.execute(query, values).fetchone()
        return row and row[0]

    @contextlib.contextmanager
    def together(self) -> Generator[None, None, None]:
        """All changes of the block are kept, or, if it raises, none. A block within another is part of it."""
        if self._connection.in_transaction:
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self.rollbacks += 1
            if self._connection.in_transaction:  # a full disk may have ended it already
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        with self._explained():
            self._connection.close()

    @contextlib.contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            said = str(error)
            for words, meaning, kind in _MEANINGS:
                if re.search(words, said):
                    raise kind(f"{meaning.format(path=self.path)} ({said}).") from error
            raise JobsError(f"{self.path}: {said}") from error
        except UnicodeEncodeError as error:
            raise JobsError(f"no text that can be kept: {error.object!r} has half of a surrogate pair") from error
