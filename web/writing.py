"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from pathlib import Path

from aiohttp import web

from executor import output_files
from web.errors import problem

_WHY = {
    errno.ENOSPC: (507, "disk_full", "the disk is full; make room and try again"),
    getattr(errno, "EDQUOT", errno.ENOSPC): (507, "disk_full", "the disk is full; make room and try again"),
    errno.EISDIR: (409, "name_taken", "a folder of this name is there"),
    errno.ENOTDIR: (409, "name_taken", "a file is there in place of a folder"),
    errno.EEXIST: (409, "name_taken", "a file is there in place of a folder"),
    errno.ENAMETOOLONG: (400, "invalid_path", "its path is too long"),
}


def part_of(folder: Path) -> Path:
    """A name for a file that is being written."""
    return folder / f".{uuid.uuid4().hex}.part"


def write(path: Path, data: bytes, *, overwrite: bool = True) -> bool:
    """Write a file, with its folders. False: it exists and stays as it is. Raises problem 507, 409 or 500."""
    part = part_of(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(data)
            settle(file.fileno())
        return claim(part, path, overwrite=overwrite)
    except OSError as error:
        raise refusal(error, path.name) from None
    finally:
        discard(part)


def discard(part: Path) -> None:
    """Leave nothing of a file that did not get its name."""
    with contextlib.suppress(OSError):
        part.unlink()


def settle(handle: int) -> None:
    """Wait until what was written is on the disk; some say only then that they are full."""
    os.fsync(handle)


def claim(part: Path, path: Path, *, overwrite: bool) -> bool:
    """Give a finished file its name, unless that is taken. Raises OSError."""
    if overwrite:
        part.replace(path)
        return True
    given = output_files.claim(part, path)
    if given:
        part.unlink(missing_ok=True)
    return given


def refusal(error: OSError, name: str) -> web.HTTPException:
    """What a client is told of a failed write: without any path of this machine."""
    why = error.strerror or type(error).__name__
    status, type_, text = _WHY.get(error.errno or 0, (500, "write_failed", why))
    return problem(status, type_, f"{name!r} cannot be kept: {text}")
