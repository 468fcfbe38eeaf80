"""Replays the group "sigmas" of nodes.json through our own nodes, with the closed-form models."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import nodes as _  # noqa: F401  (registers every node)
from diffusion.model import Model
from executor.node import registry, results
from tests import compare
from tests.replay.toys import MODELS

ATOL, RTOL = 2e-5, 1e-5  # as the data suggests: another order of operations in single precision


def replay(data: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    for r in data:
        short = {k: v for k, v in r["inputs"].items() if not isinstance(v, Mapping) or "toy_model" in v}
        yield f"sigmas {r['node']} {short}", mismatch(r)


def mismatch(r: Mapping[str, Any]) -> str | None:
    spec = registry[r["node"]]
    try:
        got = results(spec, spec.function(**{k: _value(v) for k, v in r["inputs"].items()}))
    except Exception as error:
        return None if "error" in r else f"{type(error).__name__}: {error}"
    if "error" in r:
        return f"gave a result, the reference raises {r['error']}"
    return compare.diff(list(got), r["outputs"], ATOL, RTOL)


def _value(recorded: Any) -> Any:
    if isinstance(recorded, Mapping) and "toy_model" in recorded:
        return _model(recorded)
    return compare.decode(recorded, torch.from_numpy)


def _model(recorded: Mapping[str, Any]) -> Model:
    model = MODELS[recorded["toy_model"]]()
    patch = recorded.get("patched_by")
    return registry[patch["node"]].function(model=model, **patch["inputs"]) if patch else model
