"""The disk tier of the cache: one safetensors file a result, its structure as JSON in the header."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from executor.values import PLAIN, is_tensor

FORMAT = "mezzotint result 1"
GIGABYTE = 1 << 30


class NotStorable(TypeError):
    """A value that is more than tensors and plain values."""


@dataclass(frozen=True)
class Stored:
    outputs: tuple[list[Any], ...]
    seconds: float


class Disk:
    """Results by key in a folder, the least recently used removed when they exceed the budget (bytes).

    Several processes may share the folder: a file appears whole or not at all.
    """

    def __init__(self, folder: Path, budget: int = 16 * GIGABYTE):
        self.folder, self.budget = folder, budget
        self._used: int | None = None  # as of the last look at the folder, plus what was written since
        self._lock = threading.Lock()

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"

    def read(self, key: str) -> Stored | None:
        """The result, or None. A file that is not what was written is removed."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            stored = _decode(data, key)
        except Exception:  # whatever is wrong with a damaged file, the result can be computed again
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return stored

    def write(self, key: str, outputs: tuple[list[Any], ...], seconds: float) -> None:
        """Raises OSError (disk full, no permission), when nothing is left behind, or NotStorable."""
        path = self.path(key)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{_writer()}.{uuid.uuid4().hex}.part")
        try:
            _write(part, key, outputs, seconds)
            size = part.stat().st_size
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        self._trim(size)

    def sweep(self) -> None:
        """Remove what was left unfinished by processes of this machine that have ended."""
        here = _writer().partition("-")[0]
        for part in self.folder.glob("??/*.part"):
            machine, _, process = part.name.split(".")[1].partition("-")
            if machine == here and process.isdigit() and _is_left(part, int(process)):
                with contextlib.suppress(OSError):
                    part.unlink()

    def _trim(self, added: int) -> None:
        """Remove the oldest files once the budget is exceeded, down to nine tenths of it."""
        with self._lock:
            if self._used is not None:
                self._used += added
                if self._used <= self.budget:
                    return
            files = sorted(_files(self.folder), key=lambda f: f[0])
            self._used = sum(size for _, size, _ in files)
            if self._used <= self.budget:
                return
            for _, size, path in files:
                if self._used <= self.budget * 9 // 10:
                    return
                path.unlink(missing_ok=True)
                self._used -= size


def _writer() -> str:
    """Names this machine and this process, of those that share the folder."""
    return f"{zlib.crc32(platform.node().encode()):08x}-{os.getpid()}"


def _is_left(part: Path, process: int) -> bool:
    """Whether the process that wrote the file is no more; another may have its number by now."""
    import psutil

    try:
        return part.stat().st_mtime < psutil.Process(process).create_time()
    except psutil.NoSuchProcess:
        return True
    except (OSError, psutil.Error):
        return False


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    """Time of last use, size and path of every file."""
    found: list[tuple[int, int, Path]] = []
    for path in folder.glob("??/*"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime_ns, stat.st_size, path))
    return found


def _write(path: Path, key: str, outputs: tuple[list[Any], ...], seconds: float) -> None:
    """The file of a result. Tensors are written contiguous and on the CPU; sharing between them is not kept."""
    tensors: dict[str, Any] = {}
    skeleton = [_strip(output, tensors) for output in outputs]
    checks = {name: _check(tensor) for name, tensor in tensors.items()}
    head = {"format": FORMAT, "key": key, "seconds": seconds, "outputs": skeleton, "checks": checks}
    from safetensors import SafetensorError  # imports torch
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    try:
        save_file(tensors, path, {"mezzotint": json.dumps(head)})
    except SafetensorError as error:  # what it makes of a full disk
        raise OSError(str(error)) from error
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _strip(value: Any, tensors: dict[str, Any]) -> Any:
    """The value as JSON, its tensors moved to `tensors`. Lists stay; all else that JSON lacks is `{kind: ...}`."""
    if type(value) in PLAIN and type(value) is not bytes:
        return value
    if type(value) is list:
        return [_strip(v, tensors) for v in cast("list[Any]", value)]
    if type(value) is tuple:
        return {"tuple": [_strip(v, tensors) for v in cast("tuple[Any, ...]", value)]}
    if type(value) is dict and all(type(key) is str for key in cast("dict[Any, Any]", value)):
        return {"dict": {k: _strip(v, tensors) for k, v in cast("dict[str, Any]", value).items()}}
    if not is_tensor(value):
        raise NotStorable(f"a {type(cast('Any', value)).__name__} cannot be stored")
    name = str(len(tensors))
    tensors[name] = _separate(value, tensors)
    return {"tensor": name}


def _separate(tensor: Any, others: dict[str, Any]) -> Any:
    """The tensor in memory of its own, since those of one file may not share any."""
    flat = tensor.detach().cpu().contiguous()
    storage = flat.untyped_storage()
    taken = {other.untyped_storage().data_ptr() for other in others.values()}
    whole = storage.nbytes() == flat.numel() * flat.element_size()
    return flat if whole and storage.data_ptr() not in taken else flat.clone()


def _check(tensor: Any) -> int:
    import torch

    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy()) if tensor.numel() else 0


def _decode(data: bytes, key: str) -> Stored:
    """The result in a file. Raises all sorts of exceptions if it holds none."""
    from safetensors.torch import load  # imports torch

    size = int.from_bytes(data[:8], "little")
    head = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["mezzotint"])
    if head["format"] != FORMAT or head["key"] != key:
        raise ValueError("another file")
    tensors = load(data)
    if any(_check(tensors[name]) != check for name, check in head["checks"].items()):
        raise ValueError("damaged")
    return Stored(tuple(_fill(output, tensors) for output in head["outputs"]), head["seconds"])


def _fill(value: Any, tensors: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_fill(v, tensors) for v in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = cast("dict[str, Any]", value).items()
    if kind == "tensor":
        return tensors[inner]
    if kind == "tuple":
        return tuple(_fill(v, tensors) for v in inner)
    return {k: _fill(v, tensors) for k, v in inner.items()}
