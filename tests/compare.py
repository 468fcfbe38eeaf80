"""Decode the records of the conformance data and compare results with them (numpy only)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def is_tensor(record: Any) -> bool:
    """Whether a record is a tensor: complete, constant, or strided with its mean and standard deviation."""
    return isinstance(record, dict) and "shape" in record and ("values" in record or "fill" in record)


def tensor(record: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A complete or constant record as float32. Numbers may be given as "nan", "inf" and "-inf"."""
    if "fill" in record:
        return np.full(record["shape"], float(record["fill"]), np.float32)
    return np.array([float(v) for v in record["values"]], np.float32).reshape(record["shape"])


def decode(record: Any, make: Callable[[np.ndarray[Any, Any]], Any] = lambda array: array) -> Any:
    """A record with its tensors made by `make`."""
    if is_tensor(record):
        return make(tensor(record))
    if isinstance(record, dict):
        return {k: decode(v, make) for k, v in record.items()}
    if isinstance(record, list):
        return [decode(v, make) for v in record]
    return record


def diff(got: Any, want: Any, atol: float = 2e-5, rtol: float = 1e-5, path: str = "") -> str | None:
    """None, or a line that says where and by how much a result (arrays, mappings, lists, scalars) is off a record."""
    if is_tensor(want):
        return _diff_tensor(got, want, atol, rtol, path)
    if isinstance(want, dict):
        if not isinstance(got, dict):
            return f"{path}: not a mapping"
        if set(got) != set(want):
            return f"{path}: keys {sorted(got)} != {sorted(want)}"
        return _first(diff(got[k], want[k], atol, rtol, f"{path}.{k}") for k in want)
    if isinstance(want, list):
        if len(got) != len(want):
            return f"{path}: length {len(got)} != {len(want)}"
        return _first(diff(a, b, atol, rtol, f"{path}[{i}]") for i, (a, b) in enumerate(zip(got, want, strict=True)))
    if isinstance(want, float) or (isinstance(got, float) and type(want) is int):
        same = math.isclose(float(got), float(want), abs_tol=atol, rel_tol=1e-6)
    else:
        same = got == want
    return None if same else f"{path}: {got!r} != {want!r}"


def _first(lines: Any) -> str | None:
    return next((line for line in lines if line), None)


def _diff_tensor(got: Any, want: dict[str, Any], atol: float, rtol: float, path: str) -> str | None:
    if not hasattr(got, "shape"):
        return f"{path}: not a tensor"
    if list(got.shape) != list(want["shape"]):
        return f"{path}: shape {list(got.shape)} != {want['shape']}"
    have = np.asarray(got, np.float64).reshape(-1)
    if "fill" in want:
        expected = np.full(have.shape, float(want["fill"]))
    else:
        expected = np.array([float(v) for v in want["values"]], np.float64)
        if "stride" in want:
            if abs(have.mean() - want["mean"]) > atol + rtol * abs(want["mean"]):
                return f"{path}: mean {have.mean()} != {want['mean']}"
            have = have[:: want["stride"]]
    off = ~np.isclose(have, expected, atol=atol, rtol=rtol, equal_nan=True)
    if not off.any():
        return None
    worst = int(np.argmax(np.abs(np.nan_to_num(have - expected))))
    return f"{path}: {int(off.sum())}/{off.size} off, worst {have[worst]} != {expected[worst]} at {worst}"
