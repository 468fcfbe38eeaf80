"""Where the pictures of a sweep stand in a grid: one row for each value of the first axis, if there are two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from executor.calls import shown_files
from executor.files import Files
from executor.plan import Plan
from executor.sweep import Axis, Sweep, short


class Places(NamedTuple):
    """Row by row the first picture of each run, or None; the labels of the columns and rows, and what they are."""

    pictures: list[Path | None]
    columns: list[str]
    rows: list[str]
    axes: tuple[str, str]


def places(sweep: Sweep, plan: Plan, shown: Mapping[str, Mapping[str, Any]], files: Files) -> Places:
    """The grid of a sweep of one or two axes. shown: what its nodes have shown."""
    found = [_first(plan.runs.get(run.number, ()), shown, files) for run in sweep.runs]
    *above, across = sweep.axes
    down = above[0] if above else None
    axes = (across.input, down.input if down else "")
    return Places(found, _labels(across), _labels(down) if down else [], axes)


def _labels(axis: Axis) -> list[str]:
    return [short(value) for value in axis.values]


def _first(targets: tuple[str, ...], shown: Mapping[str, Mapping[str, Any]], files: Files) -> Path | None:
    for id in targets:
        for root, folder, name in shown_files(shown.get(id, {})):
            return files.root(root) / folder / name
    return None
