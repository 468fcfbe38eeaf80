"""Content keys: the name of a result is a hash of all that it is computed from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from executor.bind import Menus, call_hook, callable_with
from executor.files import FileProblem
from executor.graph import Link
from executor.node import Folder, NodeSpec


class Unkeyed(Exception):
    """Not a function of what can be known before the run."""


class Prints:
    """Fingerprints of files for one plan, each file asked once."""

    def __init__(self, menus: Menus):
        self.menus = menus
        self._prints: dict[tuple[str, str | None], Any] = {}

    def of_model(self, folder: str, name: str | None) -> Any:
        """What tells one state of a model file from another; of the whole folder where the name is not yet known."""
        if (folder, name) not in self._prints:
            files = self.menus.files
            names = files.names(folder) if name is None else [name]
            self._prints[folder, name] = [[n, _state(folder, n, self.menus)] for n in names]
        return self._prints[folder, name]


def _state(folder: str, name: str, menus: Menus) -> Any:
    try:
        path = menus.files.model(folder, name)
    except FileProblem:
        return None  # the node will say so when it runs
    return file_state(path)


def file_state(path: Path) -> list[Any]:
    """Size and time of change of a file, or of all files below a folder."""
    if path.is_dir():
        found = sorted(Path(root) / name for root, _, names in os.walk(path) for name in names)
        return [[p.relative_to(path).as_posix(), *file_state(p)] for p in found]
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def step_key(
    spec: NodeSpec,
    literals: Mapping[str, Any],
    links: Mapping[str, Link],
    keys: Mapping[str, str | None],
    prints: Prints,
    salt: str,
    opaque: str = "",
) -> str | None:
    """The key of one step, given those of its sources; None where it has to run every time.

    salt: whatever else the result depends on: the node's id where it matters, precision.
    opaque: see `encode`.
    """
    sources: list[str] = []
    for name, link in links.items():
        key = keys[link.node]
        if key is None:
            return None
        sources += (name, key, str(link.output))
    if not spec.cache:
        return None
    try:
        text = encode([spec.name, spec.version, literals, sources, _fingerprints(spec, literals, prints), salt], opaque)
    except Unkeyed:
        return None
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _fingerprints(spec: NodeSpec, literals: Mapping[str, Any], prints: Prints) -> list[Any]:
    found: list[Any] = []
    for i in spec.inputs.values():
        if isinstance(i.choices, Folder):
            name = literals.get(i.name)
            found.append(prints.of_model(i.choices.name, name if isinstance(name, str) else None))
    if spec.fingerprint:
        if not callable_with(spec.fingerprint, literals):
            raise Unkeyed
        try:
            found.append(call_hook(spec.fingerprint, prints.menus.files, literals))
        except (OSError, ValueError):
            raise Unkeyed from None  # the node will say what is wrong when it runs
    return found


def encode(value: Any, opaque: str = "") -> str:
    """One text for one value: keys sorted, 1.0 and 1 apart. Raises Unkeyed.

    opaque: stands for what has no text of its own; without it such a value has no key. NaN never has one.
    """
    encoder = _encoder(opaque) if opaque else _ENCODER
    try:
        text = encoder.encode(value)
        if "NaN" in text:
            json.dumps(value, allow_nan=False, default=lambda _: None)
    except (TypeError, ValueError, RecursionError):
        raise Unkeyed from None
    return text


def _encoder(opaque: str) -> json.JSONEncoder:
    def default(thing: Any) -> Any:
        if isinstance(thing, Path):
            return str(thing)
        if isinstance(thing, bytes):
            return ["bytes", thing.hex()]
        if opaque:
            return ["opaque", opaque]
        raise Unkeyed

    return json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=default)


_ENCODER = _encoder("")
