"""From a name in a request to a path inside one folder, or a refusal; and what an uploaded file may be called."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from executor.files import FileProblem, Files, annotated, contained
from web.errors import problem

LONGEST = 255  # bytes of one name: what most file systems take
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])\s*(?:[.:].*)?", re.IGNORECASE)
_STREAMS = os.name == "nt"  # there `a.png:b` is another stream of a.png
_NOT_EVERYWHERE = re.compile(r'[<>:"|?*]')  # no part of a name on Windows
_TURNING = {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}  # make a name look like another


def within(root: Path, name: str, leaving: int = 403) -> Path:
    """`root/name`, which need not exist; `name` may hold folders. Raises problem 400, or `leaving` where it leads out.

    Links count as what they lead to.
    """
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or (name and not parts[0]) or re.match("[A-Za-z]:", name):
        raise problem(leaving, "forbidden_path", f"{name!r} leads out of {root.name}/; name a file below it")
    if fault := next(filter(None, map(_fault, parts)), ""):
        raise problem(400, "invalid_path", f"{name!r} can be no file here: {fault}")
    try:
        return contained(root, name)
    except FileProblem as error:
        raise problem(403, "forbidden_path", str(error)) from None
    except (OSError, RuntimeError):  # too long as a whole, or links in a circle
        raise problem(400, "invalid_path", f"{name!r} can be no file here") from None


def _fault(part: str) -> str:
    """Why a part of a path is none; empty if it is one."""
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in part):
        return "it has a control character"
    if _DEVICE.fullmatch(part):
        return "it is the name of a device"
    if _STREAMS and ":" in part:
        return "it names a stream of a file"
    return "it is too long" if len(part.encode()) > LONGEST else ""


def stored(files: Files, name: str, subfolder: str, kind: str) -> Path:
    """An input, output or temp file that exists, by what clients call it. Raises problem 400, 403, 404.

    name: may end in ` [output]` and the like, which comes before `kind`.
    """
    name, kind = annotated(name, kind)
    root = root_of(files, kind)
    if not name:
        raise problem(400, "no_filename", "filename is missing; name the file to send")
    within(root, name, leaving=400)
    within(root, subfolder)
    path = within(root, f"{subfolder}/{name}" if subfolder else name)
    if not is_file(path):
        raise problem(404, "file_not_found", f"{name!r} is not in {'/'.join(filter(None, [kind, subfolder]))}/")
    return path


def is_file(path: Path) -> bool:
    """Whether there is a regular file, also where the path is too long or may not be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False


def root_of(files: Files, kind: str) -> Path:
    """The folder of a type of files. Raises problem 400."""
    try:
        return files.root(kind)
    except FileProblem as error:
        raise problem(400, "invalid_type", f"type: {error}") from None


def clean(name: str) -> str:
    """What an uploaded file is called here: its last part, without what a file system or a reader may stumble over.

    Raises problem 400 if nothing is left or the name tries to lead elsewhere.
    """
    parts = name.replace("\\", "/").split("/")
    if "\0" in name or ".." in parts or not parts[0]:
        raise problem(400, "invalid_filename", f"{name!r} is no name for an uploaded file; take one like picture.png")
    text = unicodedata.normalize("NFC", parts[-1])
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in _TURNING)
    stem, ending = os.path.splitext(_NOT_EVERYWHERE.sub("_", text).strip(" .") or "")
    if not stem:
        raise problem(400, "invalid_filename", f"{name!r} leaves no name for the uploaded file")
    stem = f"_{stem}" if _DEVICE.fullmatch(stem) else stem
    return _cut(stem, 200 - len(ending.encode())) + ending if len(ending) <= 16 else _cut(stem + ending, 200)


def _cut(text: str, most: int) -> str:
    """The beginning of a text that takes `most` bytes, whole characters only."""
    return text.encode()[:most].decode(errors="ignore").rstrip(" .")
