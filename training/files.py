"""Files that a training writes: whole or not at all, over those of before."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterable
from pathlib import Path


class NotWritten(OSError):
    """A file could not be written; the one of before is still there. The message names it and the remedy."""


def write(path: Path, contents: bytes | Iterable[bytes | memoryview]) -> None:
    """Raises NotWritten; then nothing half-written stays."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.writelines([contents] if isinstance(contents, bytes) else contents)
            file.flush()
            os.fsync(file.fileno())  # some disks say only now that they are full
        part.replace(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space" if full else "see to its folder"
        raise NotWritten(f"{path} cannot be written: {error.strerror or error}; {remedy}, then go on") from error
    finally:
        part.unlink(missing_ok=True)
