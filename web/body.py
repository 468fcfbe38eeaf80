"""The JSON body of a request, within limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from aiohttp import web

from web.config import Config, Limits
from web.errors import problem
from web.state import State

_STRING = re.compile(rb'"[^"]*"?')
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_CONTAINERS_A_NODE = 40  # lists and objects of a whole workflow, by node: files of the field have about 20


async def read_json(request: web.Request, where: State | Config, *, empty: bool = False) -> Any:
    """The body as JSON; `{}` of no body if `empty`. Raises problem 400, or 413 if it is too large."""
    config = where if isinstance(where, Config) else where.config
    data = await request.read()
    if empty and not data.strip():
        return {}
    return parse(data, config.limits)


def parse(data: bytes, limits: Limits) -> Any:
    """JSON from outside. NaN is let through, as the standard's files have it. Raises problem 400."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(f"it is not UTF-8: the byte at {error.start} does not fit") from None
    deep = _too_deep(data, limits)
    if deep:
        raise _invalid(deep)
    try:
        value = json.loads(text)
        if _HALF.search(text):  # half a surrogate pair can be parsed, but neither stored nor sent
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _invalid("it has half a surrogate pair in a string; write the whole character") from None
    except json.JSONDecodeError as error:
        what = f"{error.msg}, at line {error.lineno} column {error.colno}" if text.strip() else "the body is empty"
        raise _invalid(what) from None
    except ValueError:  # Python's own limit
        raise _invalid("it has an integer of more than 4,300 digits") from None
    return value


def _invalid(why: str) -> web.HTTPException:
    return problem(400, "invalid_json", f"the body is no JSON that can be used: {why}")


def _too_deep(data: bytes, limits: Limits) -> str:
    """Why the brackets are too many or too deep; empty if they are not. Linear, before anything is built of them."""
    marks = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_MARKS)
    marks = marks.replace(b'""', b"")  # what is inside strings stays inside: an even number of quotes went
    most = limits.nodes * _CONTAINERS_A_NODE
    brackets = _STRING.sub(b"", marks) if len(marks) <= 6 * most else marks
    if len(brackets) > 2 * most:
        return f"it has more than {most:,} lists and objects"
    if any(depth > limits.depth for depth in _depths(brackets)):
        return f"it is nested deeper than {limits.depth}"
    return ""


def _depths(brackets: bytes) -> Iterator[int]:
    return accumulate(map(_STEP.__getitem__, brackets))
