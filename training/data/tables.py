"""Tables that name pictures and say what they show: CSV, JSON lines as Hugging Face's imagefolder has them, Parquet."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from training.data.examples import DataError

FILE = ("file", "file_name", "filename", "path")
CAPTION = ("caption", "text", "captions")
LABEL = ("label", "class")
UNKNOWN = -1
NAMES = ("captions.csv", "metadata.csv", "metadata.jsonl")  # and every .parquet, after these
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What is said of a picture."""

    captions: tuple[str, ...] = ()
    label: int | None = None


@dataclass(frozen=True)
class Table:
    """What a table says, by the names of pictures relative to its folder (see `key`)."""

    rows: Mapping[str, Said]
    notes: tuple[str, ...] = field(default=())


def tables_in(folder: Path) -> list[Path]:
    """The tables of a folder, those first whose words count more."""
    named = [folder / name for name in NAMES]
    parquet = sorted(p for p in folder.glob("*.parquet") if not p.name.startswith("."))
    return [p for p in (*named, *parquet) if p.is_file()]


def leaves(path: Path, root: Path) -> bool:
    """Whether it is a link to something outside a folder."""
    return path.is_symlink() and not path.resolve().is_relative_to(root.resolve())


def key(name: str) -> str:
    """A picture's name as tables may spell it: with either slash, from `./`, composed or decomposed Unicode."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")


def read_table(path: Path) -> Table:
    """All rows of a table; several rows of one picture are several captions. Rows that make no sense are noted.

    Raises DataError if it is damaged, its reader is not installed, or no row makes sense.
    """
    said: dict[str, Said] = {}
    odd: list[str] = []
    unlabelled: list[str] = []
    for number, row in enumerate(READERS[path.suffix](path), 1):
        try:
            name, captions, label = _row(row)
        except ValueError as error:
            odd.append(f"{path.name}, row {number}: {error}")
            continue
        unlabelled += [name] if label == UNKNOWN else []
        said[name] = _joined(said.get(name), Said(captions, None if label == UNKNOWN else label))
    if odd and not said:
        raise DataError(f"{odd[0]}; give the table the columns file_name and caption")
    rest = f"this row and {len(odd) - 1} more are" if odd[1:] else "this row is"
    notes = [f"{odd[0]}; {rest} not used"] if odd else []
    if unlabelled:
        notes.append(f"{path.name}: the label of {some(unlabelled)} is no whole number from 0, so it is left out")
    return Table(said, tuple(notes))


def _row(row: Row) -> tuple[str, tuple[str, ...], int | None]:
    """Raises ValueError for a row that makes no sense."""
    lower = {str(name).strip().lower(): value for name, value in row.items()}
    name = _first(lower, FILE)
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"there is no file name among its columns {', '.join(lower) or '(none)'}")
    try:
        return key(name.strip()), texts(_first(lower, CAPTION), lists=True), _label(_first(lower, LABEL))
    except ValueError as error:
        raise ValueError(f"the caption {error}") from None


def _joined(old: Said | None, new: Said) -> Said:
    if old is None:
        return new
    captions = tuple(dict.fromkeys((*old.captions, *new.captions)))
    return replace(old, captions=captions, label=new.label if old.label is None else old.label)


def _first(row: Row, names: Iterable[str]) -> object:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _label(value: object) -> int | None:
    """The class number, None where nothing stands, or UNKNOWN. Tables of floats have 3.0 for 3."""
    if value is None or value == "" or value != value:
        return None
    try:
        number = float(cast("str", value))
    except (TypeError, ValueError):
        return UNKNOWN
    good = not isinstance(value, bool) and number.is_integer() and 0 <= number < 2**31
    return int(number) if good else UNKNOWN


def texts(value: object, *, lists: bool = False) -> tuple[str, ...]:
    """The captions that a value holds: a text, or a list of texts; empty ones are left out.

    lists: a text may be a JSON list itself. Raises ValueError for anything else.
    """
    if value is None or value != value:  # a table's empty cell may be NaN
        return ()
    if isinstance(value, str):
        inner = _list(value) if lists else None
        value = [value] if inner is None else inner
    if not isinstance(value, list) or not all(isinstance(text, str) for text in cast("list[object]", value)):
        raise ValueError("is neither a text nor a list of texts")
    stripped = [text.strip() for text in cast("list[str]", value)]
    if any(text != text.encode("utf-8", "replace").decode() for text in stripped):
        raise ValueError("has half a character in it (a lone surrogate)")
    return tuple(text for text in stripped if text)


def _list(text: str) -> list[str] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None  # words in brackets
    if isinstance(found, list) and all(isinstance(item, str) for item in cast("list[object]", found)):
        return cast("list[str]", found)
    return None


def some(names: list[str]) -> str:
    """The first of many names."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# --- the kinds of tables -------------------------------------------------------------------------


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}") from None


def _csv(path: Path) -> Iterator[Row]:
    lines = _lines(path)
    head = next((line for line in lines if line.strip()), "")
    mark = max(",;\t", key=head.count)  # the first of them where none is there
    try:
        reader = csv.DictReader(lines, delimiter=mark, strict=True)
        yield from ({name: value for name, value in row.items() if name is not None} for row in reader)
    except csv.Error as error:
        raise DataError(f"{path.name} is no sound CSV ({error}); save it anew") from None


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path.name}, line {number} is no JSON ({error}); correct it") from None
        if not isinstance(row, dict):
            raise DataError(f'{path.name}, line {number} is no object like {{"file_name": ..., "text": ...}}')
        yield cast("Row", row)


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(
            f"{path.name} is a Parquet table, which needs pyarrow: `pip install pyarrow`, or save the table as CSV"
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            known = [name for name in names if name.strip().lower() in (*FILE, *CAPTION, *LABEL)]
            if not any(name.strip().lower() in FILE for name in names):
                raise DataError(
                    f"{path.name} has no column of file names; give it one of {', '.join(FILE)} "
                    f"(it has {', '.join(names)}), and put the pictures beside it"
                )
            for batch in file.iter_batches(columns=known):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} is no sound Parquet file ({error}); save it anew") from None


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
