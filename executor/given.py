"""What nodes are given that is no socket: the folders, a way to report progress, and what they are part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from executor.cancel import Cancel, Reporter
from executor.events import Emit, Warned
from executor.files import Files
from executor.ledger import Ledger
from executor.making import Making
from executor.plan import Plan, Step
from executor.previews import Preview, Previews


class Given:
    """The same for all nodes of a run, but for their names."""

    def __init__(
        self,
        plan: Plan,
        files: Files,
        extra: Mapping[str, Any],
        preview: Preview | None,
        ledger: Ledger | None,
        post: Emit,
        cancel: Cancel,
        making: Making,
    ):
        self._plan, self._files, self._extra, self._ledger = plan, files, extra, ledger
        self._post, self._cancel, self._making = post, cancel, making
        self._previews = Previews(preview, files, lambda message: post(Warned(message)))

    def waits(self, step: Step) -> bool:
        """Whether the call waits for files to be read, so that it has no place on an event loop."""
        return self._making.waits(step)

    def __call__(self, step: Step) -> dict[str, Any]:
        """The arguments of a step that are no inputs."""
        self._making.begin()
        spec = step.spec
        if not spec.given and not spec.hidden:
            return {}
        files = replace(self._files, ledger=self._ledger.of(step.id)) if self._ledger else self._files
        engine = {"files": files, "progress": Reporter(step.id, self._post, self._cancel, self._previews)}
        prompt = self._prompt(step)
        hidden = {"PROMPT": prompt, "DYNPROMPT": prompt, "UNIQUE_ID": step.id}
        if self._making.waits(step):
            hidden["EXTRA_PNGINFO"] = {**self._told(step), "mezzotint": self._making.of(step)}
        given = {p: engine[k] for p, k in spec.given.items() if k in engine}
        return given | {p: hidden.get(k) for p, k in spec.hidden.items()}

    def _prompt(self, step: Step) -> Mapping[str, Any]:
        """The graph that makes what this step makes: of a sweep that of its run."""
        sweep = self._plan.sweep
        if sweep is None:
            return self._plan.prompt
        return sweep.original if step.run is None else sweep.prompt(step.run)

    def _told(self, step: Step) -> Mapping[str, Any]:
        """What else is told of it: which run of a sweep it is, instead of the editor's workflow, which is another."""
        if self._plan.sweep is None or step.run is None:
            return self._extra
        run = self._plan.sweep.runs[step.run - 1]
        told = {name: value for name, value in self._extra.items() if name != "workflow"}
        return {**told, "sweep": {"run": run.number, "label": run.label, "values": run.values}}
