"""A job that saves files, in processes that are killed at every line of the code that saves them.

    python -m tests.executor.kill_points BASE plain|unlinked|varying

Prints how many moments there were. Raises AssertionError where a file is lost, saved twice, or left unfinished.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from executor import ledger, output_files
from executor.files import Files

JOB, PREFIX = "j1", "folder/a"
TRACED = {ledger.__file__, output_files.__file__}
KILLED = 9


def main(base: Path, mode: str) -> None:
    if mode == "unlinked":
        os.link = _refuse
    moments = 0
    for first in count():
        moments += 1
        if not _killed(base, mode, first):
            break
        if first % 7 == 3:  # and the second time, at some moments
            for second in (first // 2, first, first + 9):
                _killed(base, mode, second)
                _no_more_than_three(base)
        _check(base, mode)
        shutil.rmtree(base / "output")
        shutil.rmtree(base / "cache")
    print(moments)


def _refuse(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def _contents(mode: str) -> Iterator[bytes]:
    """Of three files, two of them alike."""
    tail = os.urandom(4) if mode == "varying" else b""
    yield from (b"same" + tail, b"other" + tail, b"same" + tail)


def _save(base: Path, mode: str) -> list[dict[str, str]]:
    files = replace(Files(base), ledger=ledger.Ledger(base, JOB).of("7"))
    return output_files.save(files, "output", PREFIX, "txt", _contents(mode))


def _killed(base: Path, mode: str, moment: int) -> bool:
    """Save in another process and kill it before the line that is the `moment`th. Whether it lived that long."""
    child = os.fork()
    if not child:
        left = count(moment, -1)

        def trace(frame: FrameType, event: str, arg: Any) -> Any:
            if frame.f_code.co_filename in TRACED and event == "line" and not next(left):
                os._exit(KILLED)
            return trace

        sys.settrace(trace)
        _save(base, mode)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def _saved(base: Path) -> list[Path]:
    return [p for p in (base / "output").rglob("*") if p.is_file() and p.suffix != ".part"]


def _no_more_than_three(base: Path) -> None:
    assert len(_saved(base)) <= 3, _saved(base)


def _check(base: Path, mode: str) -> None:
    """The job runs to its end."""
    _no_more_than_three(base)
    told = _save(base, mode)
    files = [base / "output" / place["subfolder"] / place["filename"] for place in told]
    assert sorted(files) == sorted(_saved(base)), (files, _saved(base))
    kinds = [f.read_bytes()[:4] for f in files]
    assert kinds == [b"same", b"othe", b"same"], kinds
    ledger.forget(base, JOB)
    left = [p for p in base.rglob("*") if p.suffix in (".part", ".jsonl")]
    assert not left, left


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
