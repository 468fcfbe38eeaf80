"""JSON as it is found in the wild: byte order marks, NaN, repeated keys, fields that are not what they should be."""

from __future__ import annotations

import json
from typing import Any, cast

MAX_DEPTH = 200  # far above any workflow, far below what Python can walk
MAX_BYTES = 256 * 2**20


class WorkflowError(ValueError):
    """A file holds no workflow that can be read; the message names the file, what was found and where."""


def parse(data: bytes | str, name: str) -> Any:
    """The JSON value of `data`; of a repeated key the last stands, NaN and Infinity are floats.

    Raises WorkflowError, with line and column, for anything else, and for nesting deeper than MAX_DEPTH.
    """
    if len(data) > MAX_BYTES:
        raise WorkflowError(f"{name}: {len(data) >> 20} MB of JSON is no workflow; the limit is {MAX_BYTES >> 20} MB")
    text = _decode(data, name) if isinstance(data, bytes) else data
    try:
        value = json.loads(text.lstrip("\ufeff").rstrip("\0 \t\r\n"))
    except json.JSONDecodeError as error:
        raise WorkflowError(f"{name}: {_fault(error)}") from None
    except ValueError:  # Python reads no integer of more than 4,300 digits
        raise WorkflowError(f"{name}: the JSON holds a number of thousands of digits") from None
    except RecursionError:
        raise WorkflowError(f"{name}: the JSON is nested deeper than {MAX_DEPTH} levels") from None
    _check_depth(value, name)
    return value


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a JSON object, else an empty one: a field of the wrong kind counts as missing."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """`value` if it is a JSON array (a tuple will do, for what Python describes), else an empty one."""
    if isinstance(value, tuple):
        return list(cast("tuple[Any, ...]", value))
    return cast("list[Any]", value) if isinstance(value, list) else []


def integer(value: Any) -> int | None:
    """A slot or a mode: an int, or a string or float that is one (`slot_index` is a string in some files)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value) if float(value) == int(value) else None
    except (ValueError, OverflowError):
        return None


def key(value: Any) -> str:
    """A node id as the API graph writes it: `5`, `5.0` and `"5"` are all `"5"`."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _decode(data: bytes, name: str) -> str:
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise WorkflowError(f"{name}: neither JSON nor a picture (byte {error.start} is no text)") from None
    return data.decode("latin-1")  # Windows editors; the structure is ASCII anyway


def _fault(error: json.JSONDecodeError) -> str:
    where = f"line {error.lineno} column {error.colno}"
    if not error.doc.strip():
        return "the file is empty"
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
        return f"the JSON is cut off at {where}; get the whole file again"
    if error.doc.lstrip()[:1] in "<":
        return "this is a web page (HTML), not a workflow; download the file itself"
    return f"not JSON: {error.msg[0].lower()}{error.msg[1:]} at {where}"


def _check_depth(value: Any, name: str) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise WorkflowError(f"{name}: the JSON is nested deeper than {MAX_DEPTH} levels")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(cast("dict[str, Any]", item).values())
    return sequence(item)
