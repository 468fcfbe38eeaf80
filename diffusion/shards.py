"""Models whose weights are in several files, beside an index that names them. Without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusion.header import Entry, Header, ModelFileError, read_header


@dataclass(frozen=True)
class Sharded(Header):
    """The contents of all files of a model. path: of the index."""

    shards: tuple[Header, ...] = ()


def is_index(path: Path) -> bool:
    return path.suffix == ".json" and ".safetensors.index" in path.name


def read_index(path: Path) -> Sharded:
    """The headers of the files that an index names, which lie beside it. Raises ModelFileError if one is not there."""
    try:
        table: Any = json.loads(path.read_text(encoding="utf-8"))
        names = sorted({Path(name).name for name in table["weight_map"].values()})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ModelFileError(f"{path.name} is damaged: it names no files of weights; get the file again") from None
    missing = [name for name in names if not (path.parent / name).is_file()]
    if missing:
        raise ModelFileError(f"{path.name} names {missing[0]}, which is not beside it; get all files of the model")
    headers = tuple(read_header(path.parent / name) for name in names)
    entries: dict[str, Entry] = {name: entry for header in headers for name, entry in header.entries.items()}
    metadata = {name: text for header in headers for name, text in header.metadata.items()}
    return Sharded(path, entries, metadata, headers)
