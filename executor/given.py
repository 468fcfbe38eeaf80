"""What nodes are given that is no socket: the folders, a way to report progress, and what they are part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from executor.cancel import Cancel, Reporter
from executor.events import Emit, Warned
from executor.files import Files
from executor.ledger import Ledger
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
    ):
        self._plan, self._files, self._extra, self._ledger = plan, files, extra, ledger
        self._post, self._cancel = post, cancel
        self._previews = Previews(preview, files, lambda message: post(Warned(message)))

    def __call__(self, step: Step) -> dict[str, Any]:
        """The arguments of a step that are no inputs."""
        spec = step.spec
        if not spec.given and not spec.hidden:
            return {}
        files = replace(self._files, ledger=self._ledger.of(step.id)) if self._ledger else self._files
        engine = {"files": files, "progress": Reporter(step.id, self._post, self._cancel, self._previews)}
        prompt = self._plan.prompt
        hidden = {"PROMPT": prompt, "DYNPROMPT": prompt, "EXTRA_PNGINFO": self._extra, "UNIQUE_ID": step.id}
        return {p: engine[k] for p, k in spec.given.items()} | {p: hidden.get(k) for p, k in spec.hidden.items()}
