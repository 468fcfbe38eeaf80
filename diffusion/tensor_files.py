"""Safetensors files written a tensor at a time, so that a model is never held twice to save it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from diffusion.weights import DTYPES

NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Stored:
    """A tensor of a file to be. read: called once, when it is its turn."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    read: Callable[[], Tensor]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def stored(tensor: Tensor) -> Stored:
    """One that is there already."""
    return Stored(tensor.dtype, tuple(tensor.shape), lambda: tensor)


class TensorFile:
    """The contents of a file: how long it is, and its bytes piece by piece."""

    def __init__(self, tensors: Mapping[str, Stored], metadata: Mapping[str, str]):
        # the widest types first, so that all are aligned
        self._tensors = dict(sorted(tensors.items(), key=lambda t: (-t[1].dtype.itemsize, t[0])))
        self._metadata = metadata
        self._head = _head(self._tensors, metadata)

    def in_type(self, dtype: torch.dtype, where: Callable[[tuple[int, ...]], bool] = lambda shape: True) -> TensorFile:
        """The same, its numbers with a point in another type. where: of which shapes."""
        tensors = {
            name: replace(t, dtype=dtype) if t.dtype.is_floating_point and where(t.shape) else t
            for name, t in self._tensors.items()
        }
        return TensorFile(tensors, self._metadata)

    def __len__(self) -> int:
        return len(self._head) + sum(tensor.nbytes for tensor in self._tensors.values())

    def __iter__(self) -> Iterator[bytes | memoryview]:
        yield self._head
        for name, tensor in self._tensors.items():
            yield _bytes(name, tensor)


def _head(tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> bytes:
    table: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        table[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


@torch.no_grad()
def _bytes(name: str, tensor: Stored) -> memoryview:
    found = tensor.read().detach().to("cpu", tensor.dtype).contiguous()
    if tuple(found.shape) != tensor.shape:
        raise ValueError(f"{name} was to be {tensor.shape}, but is {tuple(found.shape)}")
    return found.view(-1).view(torch.uint8).numpy().data if found.numel() else memoryview(b"")
