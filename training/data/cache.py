"""What is computed once of each example (latents, features of texts), on the disk: one safetensors file for all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from functools import partial
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import cast

import torch
from torch import Tensor

from diffusion.header import ModelFileError, read_header
from diffusion.tensor_files import NAMES, Stored, TensorFile, stored
from diffusion.weights import open_weights
from training.data.examples import DataError

DAY = 86400  # seconds
Spooled = tuple[torch.dtype, tuple[int, ...], int]  # and where its bytes begin


def fingerprint(files: Iterable[Path], settings: Mapping[str, object]) -> str:
    """64 hexadecimal digits that change with the path, size or time of a file, their order, or a setting.

    settings: what JSON can hold. Raises DataError for a file that is not there.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        try:
            state = path.stat()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}; put it back") from None
        digest.update(f"\0{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class Cache:
    """Tensors by key and name. What is put is there at once, and on the disk for good after `save` (or `with`).

    Those of the file are mapped, not read; new ones wait in a file without a name, not in memory. A file of another
    fingerprint counts for nothing, nor does a damaged one, which is told in `notes`; `save` replaces it. Threads may
    share a cache; it is seen whole or not at all by other processes.
    """

    def __init__(self, folder: Path, fingerprint: str, name: str = "cache"):
        self.path, self.fingerprint = folder / f"{name}.safetensors", fingerprint
        self.notes: list[str] = []
        self._lock = threading.Lock()
        self._new: dict[str, dict[str, Spooled]] = {}
        self._spool: FileIO | None = None
        self._mapped: dict[str, dict[str, Tensor]] = {}
        self._load()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()

    def __len__(self) -> int:
        return len(self._mapped.keys() | self._new.keys())

    def has(self, key: str) -> bool:
        return key in self._new or key in self._mapped

    def get(self, key: str) -> dict[str, Tensor]:
        """The tensors of a key, by name; not to be changed. Raises KeyError if it has none."""
        with self._lock:
            if key in self._new:
                return {name: self._spooled(*where) for name, where in self._new[key].items()}
            return dict(self._mapped[key])

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors, in place of what the key had. Names have no slash. Raises DataError if the disk is full."""
        if not tensors or any("/" in name for name in tensors) or any(t.dtype not in NAMES for t in tensors.values()):
            raise ValueError(f"{key!r} has {dict(tensors)!r:.100}; a cache keeps tensors by names without a slash")
        with self._lock:
            try:
                self._new[key] = {name: self._append(tensor) for name, tensor in tensors.items()}
            except OSError as error:
                raise self._full(error) from error

    def save(self) -> None:
        """Write the file anew, if anything is new. Raises DataError if the disk is full; the old file stays."""
        with self._lock:
            if not self._new:
                return
            part = self.path.with_name(f".{self.path.stem}.{uuid.uuid4().hex}.part")
            self._sweep()
            try:
                with part.open("xb") as file:
                    file.writelines(self._contents())
                    file.flush()
                    os.fsync(file.fileno())  # some disks say only now that they are full
                os.replace(part, self.path)
            except OSError as error:
                raise self._full(error) from error
            finally:
                part.unlink(missing_ok=True)
            self._drop()
            self._load()

    def close(self) -> None:
        """Save, and forget what waits."""
        try:
            self.save()
        finally:
            self._drop()

    # --- within ----------------------------------------------------------------------------------

    def _load(self) -> None:
        self._mapped = {}
        if not self.path.exists():
            return
        try:
            header = read_header(self.path)
            if header.metadata.get("fingerprint") != self.fingerprint:
                self.notes.append(f"the cache is made anew: {self.path.name} is of other files or settings")
                return
            for name, tensor in open_weights(self.path, header).tensors.items():
                inner, _, key = name.partition("/")
                self._mapped.setdefault(key, {})[inner] = tensor
        except ModelFileError as error:
            self.notes.append(f"the cache is made anew: {error}")

    def _append(self, tensor: Tensor) -> Spooled:
        if self._spool is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            spool = tempfile.TemporaryFile(dir=self.path.parent, buffering=0)  # noqa: SIM115 (_drop closes it)
            self._spool = cast("FileIO", spool)
        start = self._spool.seek(0, os.SEEK_END)
        plain = tensor.detach().cpu().contiguous()
        left = _memory(plain)
        while left:  # a large piece may be written in parts
            left = left[self._spool.write(left) :]
        return plain.dtype, tuple(plain.shape), start

    def _spooled(self, dtype: torch.dtype, shape: tuple[int, ...], start: int) -> Tensor:
        found = torch.empty(shape, dtype=dtype)
        left = _memory(found)
        if self._spool is not None:
            self._spool.seek(start)
            while left and (count := self._spool.readinto(left)):
                left = left[count:]
        if left:
            raise OSError(f"{len(left)} bytes that waited for the cache are gone")
        return found

    def _contents(self) -> TensorFile:
        kept = {k: tensors for k, tensors in self._mapped.items() if k not in self._new}
        table = {f"{name}/{key}": stored(t) for key, tensors in kept.items() for name, t in tensors.items()}
        for key, tensors in self._new.items():
            for name, where in tensors.items():
                table[f"{name}/{key}"] = Stored(where[0], where[1], partial(self._spooled, *where))
        return TensorFile(table, {"fingerprint": self.fingerprint})

    def _sweep(self) -> None:
        """Remove what a process that was killed while it wrote has left."""
        for part in self.path.parent.glob(f".{self.path.stem}.*.part"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > DAY:  # another may be writing the newer ones
                    part.unlink()

    def _drop(self) -> None:
        self._new = {}
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _full(self, error: OSError) -> DataError:
        return DataError(
            f"{self.path.parent} cannot take the cache ({error.strerror or error}); free some space there, or name "
            "another folder"
        )


def _memory(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous tensor, which are its own."""
    return tensor.view(-1).view(torch.uint8).numpy().data if tensor.numel() else memoryview(b"")
