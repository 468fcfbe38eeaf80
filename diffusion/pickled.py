"""The header of a torch pickle (`.ckpt`, `.pt`, `.bin`), read without torch and without running anything in it.

A pickle is a little program that may call any function by name. Here each name gives an inert stand-in, so nothing is
called; what is left are the nested tables of tensors, of which names, dtypes and shapes are kept.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from diffusion.header import HEADER_LIMIT, Entry, Header, ModelFileError

DTYPES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}  # fmt: skip
NESTS = ("state_dict", "module", "model", "params_ema", "params", "string_to_param")
"""Tables that trainers put around the weights, the first that is there wins."""


class _Inert:
    """Stands for any class or function; whatever the pickle does with it has no effect."""

    def __init__(self, *args: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _Stored(str):
    """The dtype of a storage."""


def _tensor(storage: Any, offset: Any, size: Any, *rest: Any) -> Entry | None:
    sound = isinstance(storage, _Stored) and isinstance(size, tuple) and all(type(n) is int for n in size)
    return Entry(str(storage), size) if sound else None


def _parameter(data: Any, *rest: Any) -> Any:
    return data


def _table(*args: Any) -> dict[Any, Any]:
    return {}


KNOWN: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("collections", "OrderedDict"): _table,
    **{("torch", name): name for name in DTYPES},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        return KNOWN.get((module, name), _Inert)

    def persistent_load(self, pid: Any, /) -> Any:
        if isinstance(pid, tuple) and len(pid) > 1 and isinstance(pid[1], str):
            return _Stored(DTYPES.get(pid[1], "U8"))
        return None


def read_pickle_header(path: Path) -> Header:
    """Names, dtypes and shapes. Raises ModelFileError if the file is damaged or holds no tensors."""
    try:
        with path.open("rb") as file:
            table = _from_zip(file) if file.read(4) == b"PK\x03\x04" else _from_legacy(file)
        entries = dict(_entries(unnest(table)))
    except ModelFileError as error:
        raise ModelFileError(f"{path.name} {error}") from None
    except zipfile.BadZipFile:
        raise ModelFileError(f"{path.name} is truncated or damaged; get the file again") from None
    except Exception as error:  # an unpickler may raise anything on damaged input
        raise ModelFileError(f"{path.name} is damaged ({type(error).__name__}: {error}); get the file again") from None
    if not entries:
        raise ModelFileError(f"{path.name} holds no table of weights; get the safetensors form of the model")
    return Header(path, entries)


def _from_zip(file: IO[bytes]) -> Any:
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        inner = next((i for i in archive.infolist() if i.filename.rpartition("/")[2] == "data.pkl"), None)
        if inner is None:
            raise ModelFileError("is a zip archive, not a torch checkpoint; unpack it first")
        if inner.file_size > HEADER_LIMIT:
            raise ModelFileError(f"has a header of {inner.file_size} bytes, which is more than any model needs")
        with archive.open(inner) as data:
            return _Reader(data).load()


def _from_legacy(file: IO[bytes]) -> Any:
    """Before torch 1.6: a magic number, a version, facts of the machine, then the object."""
    file.seek(0)
    for _ in range(3):
        _Reader(file).load()
    return _Reader(file).load()


def unnest(table: Any) -> Any:
    """The table of weights inside what a trainer saved."""
    if isinstance(table, Mapping):
        for nest in NESTS:
            if isinstance(table.get(nest), Mapping):
                return unnest(table[nest])
        if "id_encoder" in table or "image_proj" in table:  # PhotoMaker, IP-Adapter: two networks side by side
            parts = {nest: part for nest, part in table.items() if isinstance(part, Mapping)}
            return {f"{nest}.{name}": t for nest, part in parts.items() for name, t in part.items()}
    return table


def _entries(table: Any) -> Iterator[tuple[str, Entry]]:
    if isinstance(table, Mapping):
        yield from ((k, v) for k, v in table.items() if isinstance(k, str) and isinstance(v, Entry))
