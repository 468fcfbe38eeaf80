"""Replays the groups images, masks, latents, conditioning and strings of nodes.json through our own nodes."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nodes as _  # noqa: F401  (registers every node)
from executor.node import registry, results
from tests.compare import decode, diff, is_tensor

GROUPS = ("images", "masks", "latents", "conditioning", "strings")
STEP = 1 / 255
FEW = 3  # elements that Pillow's releases may round otherwise, by one step of 8 bits


def replay(data: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    for group in GROUPS:
        for i, record in enumerate(data.get(group, ())):
            note = f" ({record['note']})" if "note" in record else ""
            yield f"{group}[{i}] {record['node']}{note}", mismatch(record)


def mismatch(record: Mapping[str, Any]) -> str | None:
    """None, or what differs between a record and what our node does with its inputs."""
    if record["node"] not in registry:
        return f"there is no node {record['node']}"
    try:
        got = call(record["node"], record["inputs"])
    except InPlace as problem:
        return str(problem)
    except Exception as error:
        return None if "error" in record else f"{type(error).__name__}: {error}"
    if "error" in record:
        return f"gave a result, the reference raises {record['error']}"
    return _compare(record, list(got))


def call(name: str, recorded: Mapping[str, Any]) -> tuple[Any, ...]:
    """The outputs of our node for recorded inputs; inputs that it does not know are left off, as a graph's are."""
    spec = registry[name]
    inputs = {k: _value(v) for k, v in recorded.items() if k in spec.inputs}
    before = [(t, t._version) for t in _tensors(inputs)]
    returned = spec.function(**inputs)
    if spec.is_async:
        returned = asyncio.run(returned)
    if any(tensor._version != version for tensor, version in before):
        raise InPlace(f"{name} changes an input in place")
    return results(spec, returned)


class InPlace(Exception):
    """A node changed a tensor that it was given."""


def _value(recorded: Any) -> Any:
    """A recorded input; one that names a node and its inputs is that node's first output."""
    if isinstance(recorded, dict) and set(recorded) == {"node", "inputs"}:
        return call(recorded["node"], recorded["inputs"])[0]
    return decode(recorded, torch.tensor)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _tensors(inner)


def _compare(record: Mapping[str, Any], got: list[Any]) -> str | None:
    """Within the tolerance of the record's kind: through 8 bits, a few elements may be one step off."""
    found = diff(got, record["outputs"], path="output")
    through_bytes = record["node"] in ("ImageQuantize", "FluxKontextImageScale") or "lanczos" in _methods(record)
    if found and through_bytes and all(map(_nearly, got, record["outputs"])):
        return None
    return found


def _methods(record: Mapping[str, Any]) -> list[str]:
    stitched = ["lanczos"] if record["node"] == "ImageStitch" and record["inputs"].get("match_image_size") else []
    return stitched + [record["inputs"].get(k, "") for k in ("upscale_method", "interpolation")]


def _nearly(got: Any, want: Any) -> bool:
    """Whether all but a few elements agree, and those are within one step."""
    if not is_tensor(want):
        return got == want
    if list(got.shape) != want["shape"] or "values" not in want:
        return False
    values = np.asarray(got, dtype=np.float64).reshape(-1)[:: want.get("stride", 1)]
    off = np.abs(values - np.array(want["values"], dtype=np.float64))
    return bool((off > 2e-5).sum() <= FEW and off.max() < STEP + 2e-5)
