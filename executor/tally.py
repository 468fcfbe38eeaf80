"""Which runs of a sweep are over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from executor.events import Emit, RunFinished
from executor.plan import Plan


class Tally:
    """Tells of each run when the last of its targets is done or cannot be."""

    def __init__(self, plan: Plan, post: Emit):
        self._plan, self._post = plan, post
        self._runs: dict[str, list[int]] = {}  # of which a target is one
        for run, targets in plan.runs.items():
            for id in targets:
                self._runs.setdefault(id, []).append(run)
        self._open = Counter({run: len(targets) for run, targets in plan.runs.items()})
        self._failed: set[int] = set()

    def settle(self, id: str, ok: bool, shown: Mapping[str, Mapping[str, Any]]) -> None:
        """A step is done, or will never be. shown: what the steps have shown so far."""
        for run in self._runs.pop(id, ()):
            self._open[run] -= 1
            if not ok:
                self._failed.add(run)
            if not self._open[run]:
                self._tell(run, shown)

    def _tell(self, number: int, shown: Mapping[str, Mapping[str, Any]]) -> None:
        sweep = self._plan.sweep
        if sweep is not None:
            run, targets = sweep.runs[number - 1], self._plan.runs[number]
            outputs = {id: shown[id] for id in targets if id in shown}
            ok = number not in self._failed
            self._post(RunFinished(number, len(sweep.runs), run.label, run.values, ok, outputs))
