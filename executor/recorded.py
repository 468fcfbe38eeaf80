"""What a picture or a workflow records of the model files that it was made with, and those files here.

A picture of ours tells it in its `mezzotint` text (`executor.making`), an editor workflow in `properties.models` of its
nodes, as the standard's templates do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from executor.describe import Descriptions
from executor.files import OLD_NAMES, FileProblem, Files, names_in
from executor.hashes import Hashes
from executor.making import model_names
from executor.node import NodeSpec
from executor.workflow.document import Document
from executor.workflow.flatten import Flat
from executor.workflow.lenient import mapping


@dataclass(frozen=True)
class Recorded:
    """A model file elsewhere."""

    folder: str
    name: str
    sha256: str
    size: int | None  # in bytes, where that is told


@dataclass(frozen=True)
class Found:
    """What is here of a recorded file. `name`: under which it is here, if it is."""

    state: Literal["same", "renamed", "changed", "missing"]
    name: str = ""


def recorded(document: Document) -> list[Recorded]:
    """The files that a document names together with their hash; of several of one name the first."""
    found: dict[tuple[str, str], Recorded] = {}
    for told in (*_of_picture(document), *_of_workflow(document.workflow or {})):
        found.setdefault((told.folder, told.name), told)
    return list(found.values())


def made(document: Document) -> dict[str, Any]:
    """What a picture of ours tells of its making; empty for others."""
    with suppress(ValueError):
        return mapping(json.loads(document.extra.get("mezzotint", "{}")))
    return {}


def _of_picture(document: Document) -> Iterator[Recorded]:
    for entry in _entries(made(document).get("models")):
        yield from _entry(entry.get("folder"), entry.get("name"), entry.get("sha256"), entry.get("size"))


def _of_workflow(workflow: Mapping[str, Any]) -> Iterator[Recorded]:
    parts = [workflow, *_entries(mapping(workflow.get("definitions")).get("subgraphs"))]
    for node in (node for part in parts for node in _entries(part.get("nodes"))):
        for entry in _entries(mapping(node.get("properties")).get("models")):
            if str(entry.get("hash_type", "")).lower() in ("sha256", ""):
                yield from _entry(entry.get("directory"), entry.get("name"), entry.get("hash"), None)


def _entries(value: Any) -> list[dict[str, Any]]:
    return [mapping(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else []


def _entry(folder: Any, name: Any, sha256: Any, size: Any) -> Iterator[Recorded]:
    if isinstance(folder, str) and isinstance(name, str) and isinstance(sha256, str) and len(sha256) == 64:
        folder = OLD_NAMES.get(folder, folder)
        yield Recorded(folder, name, sha256.lower(), size if isinstance(size, int) else None)


def find(wanted: Recorded, files: Files, hashes: Hashes) -> Found:
    """The file here that holds the same, whatever its name.

    Files are read for this where they have the recorded size; where none is recorded, what was read before is known.
    """
    name = ""
    with suppress(FileProblem):
        name = files.resolve(wanted.folder, wanted.name)
        if _is_it(wanted, files.model(wanted.folder, name), hashes, read=True):
            return Found("same" if name == wanted.name else "renamed", name)
    with suppress(FileProblem):
        for place in files.folders(wanted.folder):
            for other in names_in(place, wanted.folder):
                if other != name and _is_it(wanted, place / other, hashes, read=wanted.size is not None):
                    return Found("renamed", other)
    return Found("changed", name) if name else Found("missing")


def _is_it(wanted: Recorded, path: Path, hashes: Hashes, *, read: bool) -> bool:
    """read: the file is to be read if it was not before."""
    with suppress(OSError):
        if wanted.size is None or path.stat().st_size == wanted.size:
            return (hashes.of(path) if read else hashes.known(path)) == wanted.sha256
    return False


def graph(document: Document, specs: Mapping[str, NodeSpec], files: Files, hashes: Hashes) -> Flat:
    """The API graph of a document. Names of models that are not here are replaced by those of files that hold the same.

    Raises WorkflowError as `Document.graph` does.
    """
    flat = document.graph(Descriptions(specs, files))
    known = {(r.folder, r.name): r for r in recorded(document)}
    api, notes = dict(flat.graph), list(flat.notes)
    for id, node in flat.graph.items() if known else ():
        spec, inputs = specs.get(str(mapping(node).get("class_type"))), mapping(mapping(node).get("inputs"))
        for input, folder, name in model_names(spec, inputs) if spec else ():
            wanted = known.get((OLD_NAMES.get(folder, folder), name))
            if wanted and (other := _substitute(wanted, files, hashes)):
                api[id] = {**api[id], "inputs": {**api[id]["inputs"], input: other}}
                notes.append(f"node {id}, {input}: {name} is {other} here, which holds the same (by its SHA-256)")
    return Flat(api, notes) if len(notes) > len(flat.notes) else flat


def _substitute(wanted: Recorded, files: Files, hashes: Hashes) -> str | None:
    """The name of a file that holds the same as one whose own name is not here."""
    with suppress(FileProblem):
        files.resolve(wanted.folder, wanted.name)
        return None
    return find(wanted, files, hashes).name or None
