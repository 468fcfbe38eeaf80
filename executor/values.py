"""What the engine needs to know of a value without knowing its type: size, storages, version, a short text.

Tensors are told by their methods, so that torch is imported only by who makes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

PLAIN = {int, float, bool, str, bytes, type(None)}
OVERHEAD = 500  # bytes that any small result costs in the tables around it

Snapshot = tuple[Any, ...]


def is_tensor(value: Any) -> bool:
    return hasattr(value, "untyped_storage")


@dataclass(frozen=True, slots=True)
class Survey:
    """storages: address -> bytes, so that what is shared is counted once. opaque: holds more than tensors and plain
    values, as models do: it is neither written to disk nor counted among the images."""

    storages: Mapping[int, int]
    plain_bytes: int
    opaque: bool

    @property
    def nbytes(self) -> int:
        return self.plain_bytes + sum(self.storages.values())


def survey(values: Any) -> Survey:
    """The storages below a value, whatever lists, tuples and dicts it is made of."""
    storages: dict[int, int] = {}
    plain, opaque, stack, seen = OVERHEAD, False, [values], set[int]()
    while stack:
        value = stack.pop()
        kind = _kind(value)
        if kind in PLAIN:
            plain += len(value) if kind is str or kind is bytes else 0
        elif id(value) in seen:
            continue
        elif kind in (list, tuple, dict):
            seen.add(id(value))
            stack.extend(value.values() if kind is dict else value)
            opaque |= kind is dict and not all(type(key) is str for key in value)
        elif storage := _storage(value):
            storages[storage[0]] = storage[1]
        else:
            seen.add(id(value))
            opaque = True
            size = getattr(value, "nbytes", 0)
            plain += size if isinstance(size, int) else 0
    return Survey(storages, plain, opaque)


def _kind(value: Any) -> Any:
    """Its type, of which the type checker shall not think that it narrows the value."""
    return cast("Any", type(value))


def _storage(value: Any) -> tuple[int, int] | None:
    """Address and bytes of a dense tensor's memory."""
    if not is_tensor(value):
        return None
    try:
        storage = value.untyped_storage()
        return (storage.data_ptr() or id(value)), storage.nbytes()
    except (RuntimeError, NotImplementedError):  # sparse, or made by a subclass without memory
        return None


def snapshot(values: Any) -> Snapshot:
    """Differs from one taken before if a container or tensor below was changed in place meanwhile."""
    if _kind(values) is list and len(values) == 1 and _kind(values[0]) in PLAIN:
        return ()
    found: list[Any] = []
    stack, seen = [values], set[int]()
    while stack:
        value = stack.pop()
        kind = _kind(value)
        found.append(id(value))
        if kind in PLAIN or id(value) in seen:
            continue
        if kind is list or kind is tuple:
            seen.add(id(value))
            found.append(len(value))
            stack.extend(value)
        elif kind is dict:
            seen.add(id(value))
            found.append(tuple(value))
            stack.extend(value.values())
        elif is_tensor(value):
            found.append(_version(value))
    return tuple(found)


def digest(value: Any) -> str | None:
    """A name of what a value holds, the same for equal ones; None if it is more than tensors and plain values."""
    hasher = hashlib.blake2b(digest_size=16)
    stack = [value]
    while stack:
        value = stack.pop()
        kind = _kind(value)
        if kind in PLAIN:
            hasher.update(f"{kind.__name__} {value!r}\0".encode("utf-8", "surrogatepass"))
        elif kind is list or kind is tuple:
            hasher.update(f"{kind.__name__} {len(value)}\0".encode())
            stack.extend(reversed(value))
        elif kind is dict:
            hasher.update(f"dict {len(value)}\0".encode())
            stack.extend(item for pair in value.items() for item in pair)
        elif not (data := _bytes(value)):
            return None
        else:
            hasher.update(data[0])
            hasher.update(data[1])
    return hasher.hexdigest()


def _bytes(value: Any) -> tuple[bytes, Any] | None:
    """What kind of tensor it is, and what is in it."""
    if not is_tensor(value):
        return None
    try:
        plain = value.float() if str(value.dtype) == "torch.bfloat16" else value  # numpy has no such numbers
        array = plain.detach().cpu().contiguous().numpy()
    except (RuntimeError, TypeError, NotImplementedError):  # sparse, quantised or made by a subclass
        return None
    return f"{value.dtype} {tuple(value.shape)}\0".encode(), array.data if array.size else b""


def _version(tensor: Any) -> int:
    try:
        return tensor._version
    except RuntimeError:  # an inference tensor has none
        return -1


def summary(value: Any, limit: int = 120) -> str:
    """A short text for messages: shapes instead of numbers."""
    if is_tensor(value):
        return f"tensor {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        text = "{" + ", ".join(f"{k}: {summary(v, 40)}" for k, v in list(items.items())[:8]) + "}"
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        sequence = cast("Sequence[Any]", value)
        text = f"{len(sequence)} x [" + ", ".join(summary(v, 40) for v in sequence[:3]) + "]"
    elif type(value) in PLAIN:
        text = repr(value)
    else:
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 3] + "..."
