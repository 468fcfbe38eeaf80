"""Whether what a picture was made with is here: `check --reproduce`."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import NamedTuple

from executor import devices, output_files
from executor.files import Files
from executor.hashes import Hashes
from executor.recorded import Found, Recorded, find, made, recorded
from executor.workflow.document import Document


class Verdict(NamedTuple):
    """What was found, a line each, and whether every recorded model is here."""

    lines: list[str]
    can: bool


def reproduce(document: Document, files: Files, hashes: Hashes) -> Verdict:
    """Compare what the picture tells of its making with this installation."""
    told, models = made(document), recorded(document)
    if not told and not models:
        return Verdict([f"{document.name} does not tell what it was made with; only its graph was checked"], True)
    found = [(wanted, find(wanted, files, hashes)) for wanted in models]
    lines = [_line(wanted, here) for wanted, here in found]
    for what, here in _here(str(told.get("device"))).items():
        there = told.get(what)
        if isinstance(there, str) and there:
            same = f"{here}, the same" if there == here else f"{there}, here {here}: the last digits may differ"
            lines.append(f"{what}: {same}")
    return Verdict(lines, all(here.state in ("same", "renamed") for _, here in found))


def _line(wanted: Recorded, found: Found) -> str:
    what = f"{wanted.folder}/{wanted.name}"
    ends = {
        "same": "the same",
        "renamed": f"here it is {found.name}, which holds the same",
        "changed": f"another file has this name here; the picture's has SHA-256 {wanted.sha256}",
        "missing": f"not here; put the file with SHA-256 {wanted.sha256} into models/{wanted.folder}",
    }
    return f"{what}: {ends[found.state]}"


def _here(device: str) -> dict[str, str]:
    """What this process would compute with. Torch is only asked for where the device there was no CPU."""
    if device != "cpu":
        importlib.import_module("torch")
    mine = str(devices.stats()["devices"][0]["name"])
    return {"version": output_files.version(), "device": mine, "torch": metadata.version("torch")}
