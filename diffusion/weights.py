"""Tensors of a model file: mapped from the disk, not read; put into a network without a copy."""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from diffusion.header import Entry, Header, ModelFileError, read_header
from diffusion.parts import Part
from diffusion.pickled import unnest
from diffusion.shards import Sharded

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
IGNORED = ("position_ids",)
"""Last parts of names that older writers stored and that can be computed."""
SCALES = ("scale_weight", "weight_scale")
"""Last parts of the names of factors that belong to weights of 8 bits."""
MARKERS = ("scaled_fp8", "scale_input", "input_scale", "comfy_quant")
"""Last parts of names that tell how such files were made, or how their layers could be computed in 8 bits."""

M = TypeVar("M", bound=nn.Module)


def _keep(tensor: Tensor) -> None:
    """Nothing to give back: the tensor is not mapped by us."""


@dataclass(frozen=True)
class Weights:
    """The tensors of a file, or of one network in it.

    forget: gives the memory of a mapped tensor back; it is read from the disk again where it is used again.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    forget: Callable[[Tensor], None] = _keep

    def of(self, part: Part) -> Weights:
        """One network's, by our names and in our shapes; views, not copies."""
        ours = {name: self.tensors[part.prefix + theirs] for theirs, name in part.names.items()}
        ours |= {name: self.tensors[part.prefix + theirs].chunk(3)[i] for name, (theirs, i) in part.thirds.items()}
        ours |= {name: ours[name].mT for name in part.turned}
        viewed = {n: t if n in part.turned else t.view(part.shapes[n]) for n, t in ours.items()}
        return replace(self, tensors=_unscaled(viewed))

    def stored_as(self, dtype: torch.dtype) -> Weights:
        """Rounded to another floating-point type, but for what is in 8 bits already, and its factors."""

        def cast(name: str, tensor: Tensor) -> Tensor:
            kept = tensor.itemsize == 1 or _last(name) in (*SCALES, *MARKERS)
            return tensor.to(dtype) if tensor.is_floating_point() and not kept else tensor

        return Weights(self.path, {name: cast(name, tensor) for name, tensor in self.tensors.items()})


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _unscaled(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights that were scaled to fit 8 bits, in float32, where their products are exact; others as they are.

    A factor is one number, or one for each row.
    """
    factors = {f"{n.rpartition('.')[0]}.weight": t for n, t in tensors.items() if _last(n) in SCALES}
    marked = [n for n in tensors if _last(n) in MARKERS]
    if not factors and not marked:
        return tensors
    kept = {n: t for n, t in tensors.items() if _last(n) not in (*SCALES, *MARKERS)}
    scaled = {n: kept[n].float() * _by_row(f.float(), kept[n]) for n, f in factors.items() if n in kept}
    return {**kept, **scaled}


def _by_row(factor: Tensor, weight: Tensor) -> Tensor:
    return factor.reshape(-1, *(1,) * (weight.dim() - 1)) if factor.numel() > 1 else factor.reshape(())


def open_weights(path: Path, header: Header | None = None) -> Weights:
    """All tensors of a file. Safetensors are mapped; torch pickles are read by torch in its weights-only way.

    Raises ModelFileError if the file is damaged, is no model, or holds more than weights.
    """
    header = header or read_header(path)
    if isinstance(header, Sharded):
        return _joined(header)
    if all(entry.offset is None for entry in header.entries.values()):
        return Weights(path, _unpickled(path))
    return _mapped(header)


def _joined(header: Sharded) -> Weights:
    each = [open_weights(shard.path, shard) for shard in header.shards]

    def forget(tensor: Tensor) -> None:
        for weights in each:
            weights.forget(tensor)

    return Weights(header.path, {name: t for weights in each for name, t in weights.tensors.items()}, forget)


def _mapped(header: Header) -> Weights:
    with header.path.open("rb") as file:
        # a private mapping: torch wants memory that may be written, and the file must never change
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    base = torch.frombuffer(memory, dtype=torch.uint8).data_ptr()

    def forget(tensor: Tensor) -> None:
        first = tensor.data_ptr() - base
        if 0 <= first < len(memory) and hasattr(memory, "madvise"):
            page = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE  # the page before is shared with a neighbour
            length = first + tensor.nbytes - page
            if length >= mmap.PAGESIZE:
                memory.madvise(mmap.MADV_DONTNEED, page, length // mmap.PAGESIZE * mmap.PAGESIZE)

    tensors = {name: _view(memory, name, entry, header.path) for name, entry in header.entries.items()}
    return Weights(header.path, tensors, forget)


def _view(memory: mmap.mmap, name: str, entry: Entry, path: Path) -> Tensor:
    if entry.dtype not in DTYPES:
        raise ModelFileError(f"{path.name} stores {name!r} as {entry.dtype}, which is not supported")
    dtype, count = DTYPES[entry.dtype], torch.Size(entry.shape).numel()
    if not count:
        return torch.empty(entry.shape, dtype=dtype)
    return torch.frombuffer(memory, dtype=dtype, count=count, offset=entry.offset or 0).view(entry.shape)


def _unpickled(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        mappable = file.read(4) == b"PK\x03\x04"
    try:
        table: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=mappable)
    except pickle.UnpicklingError:
        raise ModelFileError(
            f"{path.name} holds Python objects beside its weights, and a pickle may run any code, so it is not loaded; "
            "convert it to safetensors with a tool that you trust, or get the safetensors form of the model"
        ) from None
    except (RuntimeError, EOFError, OSError) as error:
        raise ModelFileError(f"{path.name} is truncated or damaged ({error}); get the file again") from None
    return {name: t for name, t in unnest(table).items() if isinstance(name, str) and isinstance(t, Tensor)}


def assemble(build: Callable[[], M], weights: Weights, what: str) -> M:
    """The network that `build` makes, with these very tensors as its parameters.

    what: the network's name in messages. Raises ModelFileError with the names that are missing, too many or of
    another shape.
    """
    with torch.device("meta"), _Uninitialised():
        network = build()
    network.requires_grad_(False).eval()
    tensors = {n: t for n, t in weights.tensors.items() if n.rpartition(".")[2] not in IGNORED}
    expected = network.state_dict()
    wrong = [f"missing {_list(expected.keys() - tensors.keys())}"] if expected.keys() - tensors.keys() else []
    wrong += [f"unknown {_list(tensors.keys() - expected.keys())}"] if tensors.keys() - expected.keys() else []
    differing = [n for n in expected.keys() & tensors.keys() if expected[n].shape != tensors[n].shape]
    wrong += [f"of another shape: {_shapes(differing, tensors, expected)}"] if differing else []
    if wrong:
        raise ModelFileError(f"{weights.path.name} does not fit the {what}: {'; '.join(wrong)}")
    network.load_state_dict(tensors, strict=True, assign=True)
    return network


class _Uninitialised(TorchFunctionMode):
    """Skips what modules do to give new parameters random values: on the meta device it costs a second of imports."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def _list(names: Iterable[str]) -> str:
    some = sorted(names)
    more = f" and {len(some) - 5} more" if len(some) > 5 else ""
    return ", ".join(some[:5]) + more


def _shapes(names: list[str], got: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    return _list(f"{n} is {tuple(got[n].shape)}, not {tuple(expected[n].shape)}" for n in names)
