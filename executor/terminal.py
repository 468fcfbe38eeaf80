"""What a run shows in a terminal: a bar while a node reports steps, a line for every file that was made."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from executor import events
from executor.calls import shown_files
from executor.files import Files


def json_lines(event: events.Event) -> None:
    """Print every event as a line of JSON."""
    print(json.dumps(events.to_json(event), default=str), flush=True)


class Terminal:
    """Shows a run to people: a bar while a node reports steps, a line for every file that was made."""

    def __init__(self, files: Files):
        self.files = files
        self.types: dict[str, str] = {}
        self.bar: Any = None
        self.runs: list[events.RunFinished] = []

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.NodeStarted(node, type_):
                self.types[node] = type_
            case events.Progressed():
                self._step(event)
            case events.NodeFinished(ui=ui, cached=cached):
                self._close()
                for path in _paths(ui or {}, self.files):
                    print(f"{path}{' (made before)' if cached else ''}")
            case events.NodeFailed():
                self._close()
                print(f"mezzotint: {event.type} {event.node} failed: {event.error}: {event.message}", file=sys.stderr)
            case events.RunFinished(run, total, label):
                self._close()
                self.runs.append(event)
                print(f"run {run} of {total}: {label}{'' if event.ok else ': failed'}")
            case events.Warned(message):
                print(f"mezzotint: {message}", file=sys.stderr)
            case events.Cancelled() | events.Finished():
                self._close()
                self._sum_up()
            case _:
                pass

    def _sum_up(self) -> None:
        """How the runs of a sweep ended, where there are several."""
        if self.runs:
            failed = [run for run in self.runs if not run.ok]
            which = "; ".join(f"{run.label}" for run in failed[:10]) + ("; ..." if len(failed) > 10 else "")
            done = f"{len(self.runs) - len(failed)} of {self.runs[0].total} runs done"
            print(f"{done}, {len(failed)} failed: {which}" if failed else done)

    def _step(self, event: events.Progressed) -> None:
        from tqdm import tqdm

        if self.bar is None or self.bar.node != event.node:
            self._close()
            title = f"{self.types.get(event.node, 'node')} {event.node}"
            self.bar = tqdm(total=event.total, desc=title, unit="step", leave=True, dynamic_ncols=True)
            self.bar.node = event.node
        self.bar.total = event.total
        self.bar.update(event.value - self.bar.n)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _paths(ui: Mapping[str, Any], files: Files) -> Iterator[Path]:
    for root, folder, name in shown_files(ui):
        yield files.root(root) / folder / name
