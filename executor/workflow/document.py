"""Graphs as people have them: the editor's workflow, the API graph, or a picture that carries either."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from executor.workflow import a1111
from executor.workflow.flatten import Flat, flatten
from executor.workflow.layout import from_api
from executor.workflow.lenient import MAX_BYTES, WorkflowError, mapping, parse
from executor.workflow.metadata import is_picture, read_texts
from executor.workflow.widgets import Descriptions

__all__ = ["Document", "WorkflowError", "load", "of"]


@dataclass(frozen=True)
class Document:
    """What a file holds: an API graph, an editor workflow or, as pictures do, both. Nothing of it is rebuilt.

    A picture of A1111's WebUI holds neither, but the parameters of a graph.
    """

    name: str
    api: dict[str, Any] | None = None
    workflow: dict[str, Any] | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str])  # the other texts of a picture
    parameters: a1111.Parameters | None = None

    @property
    def form(self) -> str:
        """What the file is, in words."""
        kinds = (
            ("API graph", self.api),
            ("editor workflow", self.workflow),
            ("parameters of A1111's WebUI", self.parameters),
        )
        return " and ".join(kind for kind, data in kinds if data is not None)

    def graph(self, nodes: Descriptions, *, rng: random.Random | None = None, now: datetime | None = None) -> Flat:
        """The API graph to run: the one that is there (in a picture: what ran), else the flattened workflow."""
        if self.api is not None:
            return Flat(self.api, [])
        if self.parameters is not None:
            return a1111.to_api(self.parameters, nodes)
        return flatten(self.workflow or {}, nodes, rng=rng, now=now)

    def editable(self, nodes: Descriptions) -> dict[str, Any]:
        """The editor workflow: the one that is there, else the API graph with a layout."""
        return self.workflow if self.workflow is not None else from_api(self.graph(nodes).graph, nodes)


def load(source: bytes | Path, name: str | None = None) -> Document:
    """Read a JSON file of either form, or a PNG, WebP or JPEG that carries one.

    source: a path, or the bytes themselves, which messages call `name`.
    Raises WorkflowError, which says what was found instead; OSError if the file cannot be read.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _load(file, name or source.name)
    with closing(io.BytesIO(source)) as file:
        return _load(file, name or "the data")


def of(value: Any, name: str) -> Document:
    """A parsed JSON value as a document. Raises WorkflowError if it is neither form."""
    found = mapping(value)
    if isinstance(found.get("nodes"), list):
        return Document(name, workflow=found)
    if isinstance(found.get("prompt"), dict) and "class_type" not in found["prompt"]:
        # the body of `POST /prompt`, and what some tools save
        extra = mapping(mapping(found.get("extra_data")).get("extra_pnginfo"))
        workflow = extra.get("workflow") or found.get("workflow")
        return Document(name, of(found["prompt"], name).api, mapping(workflow) or None)
    if isinstance(found.get("workflow"), dict):
        return of(found["workflow"], name)
    if isinstance(value, dict) and all(isinstance(n, dict) and "class_type" in n for n in found.values()):
        return Document(name, api=found)
    raise WorkflowError(f"{name}: {_described(value)}")


def _load(file: BinaryIO, name: str) -> Document:
    start = file.read(16)
    file.seek(0)
    if is_picture(start):
        return _from_picture(read_texts(file, name), name)
    for test, what in FOREIGN:
        if test(start):
            raise WorkflowError(
                f"{name}: {what}, not a workflow (a .json file, or a PNG, WebP or JPEG that carries one)"
            )
    return of(parse(file.read(MAX_BYTES + 1), name), name)


FOREIGN: list[tuple[Callable[[bytes], bool], str]] = [
    (lambda s: s.startswith(b"PK\3\4"), "a zip archive"),
    (lambda s: s.startswith(b"\x1f\x8b"), "a gzip archive"),
    (lambda s: s.startswith((b"GIF8", b"BM", b"II*\0", b"MM\0*")), "a picture of a kind that carries no graph"),
    (lambda s: s[4:8] == b"ftyp" or s.startswith(b"\x1aE\xdf\xa3"), "a video or AVIF file"),
    (lambda s: s.startswith(b"%PDF"), "a PDF file"),
    (lambda s: len(s) >= 10 and s[3:8] == b"\0\0\0\0\0" and s[8:10] == b'{"', "a safetensors file"),
]


def _from_picture(texts: Mapping[str, str], name: str) -> Document:
    """The graphs among the texts of a picture. One of them may be damaged as long as the other can be read."""
    api, workflow, faults = None, None, list[str]()
    for key in ("prompt", "workflow"):
        try:
            found = of(parse(texts[key], f"{name}, its {key!r} text"), name) if key in texts else None
        except WorkflowError as error:
            faults.append(str(error))
            continue
        if found:
            api, workflow = api or found.api, workflow or found.workflow
    if api is None and workflow is None:
        found = a1111.read(texts.get("parameters", "")) if not faults else None
        if found is None:
            raise WorkflowError(faults[0] if faults else f"{name}: {_without_graph(texts)}")
        return Document(name, extra=texts, parameters=found)
    return Document(name, api, workflow, {k: v for k, v in texts.items() if k not in ("prompt", "workflow")})


def _without_graph(texts: Mapping[str, str]) -> str:
    if "parameters" in texts:
        first = texts["parameters"].strip().splitlines()[:1]
        return (
            "this picture carries the generation parameters of another program "
            f"({first[0][:60] if first else ''!r}), not a graph; build one with that prompt"
        )
    found = f"; it has the texts {', '.join(sorted(texts))}" if texts else ""
    return f"this picture carries no workflow (it was saved without one, or a web site removed it){found}"


def _described(value: Any) -> str:
    if not isinstance(value, dict):
        kind = next((word for type_, word in _KINDS if isinstance(value, type_)), "null")
        return f"a JSON {kind}, neither an editor workflow nor an API graph"
    keys = [str(k) for k in list(mapping(value))[:5]]
    return (
        "neither an editor workflow (it has no `nodes` list) nor an API graph (not every entry has a `class_type`); "
        f"its keys are {', '.join(keys)}"
    )


_KINDS = ((list, "array"), (str, "string"), (bool, "boolean"), ((int, float), "number"))
