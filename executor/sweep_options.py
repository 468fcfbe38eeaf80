"""Sweeps as they are written on a command line: `NODE.INPUT=VALUES`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from executor import lists
from executor.assign import Unassignable, literal, place
from executor.files import Files
from executor.graph import read
from executor.lists import ListError
from executor.node import NodeSpec
from executor.sweep import ANY, Sweep, SweepError, sweep


def parse(
    api: Mapping[str, Any], options: Sequence[str], specs: Mapping[str, NodeSpec], files: Files, *, grid: bool = False
) -> Sweep | None:
    """The runs that some `--sweep NODE.INPUT=VALUES` ask for; None without any. Raises SweepError.

    VALUES are `a,b,c` (quotes around what has a comma in it), a range `1..10` or `0.1..0.5:0.1`, `*` for all of a menu,
    `@prompts.txt` for the lines of a text, `@table.csv:column`, or `@folder` for the pictures in a folder below input/.
    """
    if grid and not 1 <= len(options) <= 2:
        raise SweepError("--grid draws the runs of one --sweep or of two")
    if not options:
        return None
    graph = read(api)
    asked: dict[str, Any] = {}
    for option in options:
        target, equals, text = option.partition("=")
        if not (equals and "." in target):
            raise SweepError(f"--sweep takes NODE.INPUT=VALUES, and this is {option!r}")
        try:
            id, name, type_ = place(graph, specs, target)
            values = _values(text, type_, files)
        except (Unassignable, ListError) as error:
            raise SweepError(f"--sweep {target}: {error}") from None
        if f"{id}.{name}" in asked:
            raise SweepError(f"--sweep {target}: this is swept twice; give all its values in one list")
        asked[f"{id}.{name}"] = values
    return sweep(api, asked, specs, files)


def _values(text: str, type_: str, files: Files) -> Any:
    if text.startswith("@") and len(text) > 1:
        return [_plain(value, type_) for value in _listed(text[1:], files)]
    if text == ANY and type_ == "COMBO":
        return text
    if type_ in ("INT", "FLOAT") and (found := lists.span(text)) is not None:
        return found
    return [_plain(value.strip(), type_) for value in _split(text)]


def _split(text: str) -> list[str]:
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ListError(f"{text!r} cannot be taken apart at its commas: {error}") from None
    return rows[0] if rows else []


def _plain(text: str, type_: str) -> Any:
    value: Any = literal(text, type_)
    wrapper = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return wrapper.get("__value__", value)


def _listed(name: str, files: Files) -> list[str]:
    """What a file or a folder lists: looked for here, and below input/."""
    path = _find(name, files)
    if path is not None and path.is_dir():
        return _pictures(path, name, files)
    if path is not None:
        return lists.lines(lists.read(path, name), name)
    table, colon, column = name.rpartition(":")
    path = _find(table, files) if colon else None
    if path is None or path.is_dir():
        raise ListError(f"there is no file or folder {name}, neither here nor in input/")
    return lists.column(lists.read(path, table), column, table)


def _find(name: str, files: Files) -> Path | None:
    return next((path for path in (Path(name), files.root("input") / name) if path.exists()), None)


def _pictures(folder: Path, name: str, files: Files) -> list[str]:
    root = files.root("input").resolve()
    try:
        below = folder.resolve().relative_to(root).as_posix()
    except ValueError:
        raise ListError(f"the folder {name} is not in input/, where pictures are loaded from; copy it there") from None
    return [picture if below == "." else f"{below}/{picture}" for picture in lists.pictures(folder, name)]
