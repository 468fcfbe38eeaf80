"""The log: one line an event, as text or as JSON; the newest lines are kept for who asks."""

from __future__ import annotations

import json as json_text
import logging
import re
import sys
import traceback
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TextIO

KEPT = 1_000
WORKER_LINE = 4_000  # characters of one line that are kept: a node may print a tensor
_LEVELS = {"info": "INFO   ", "warning": "WARNING", "error": "ERROR  "}
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_TOKEN = re.compile(r"([?&;]token=)[^&;#\s]*", re.IGNORECASE)


class Logs:
    """Where everything that the server has to say goes."""

    def __init__(self, json: bool = False, stream: TextIO | None = None) -> None:
        self.json = json
        self.listeners: set[Callable[[dict[str, Any]], None]] = set()
        self._stream = stream
        self._recent: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def event(self, level: str, message: str, **fields: Any) -> None:
        """Write one line. level: info, warning or error. A field `traceback` goes to the log but to no client."""
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        trace = redact(fields.pop("traceback", ""))
        message = redact(message)
        fields = {name: redact(value) if isinstance(value, str) else value for name, value in fields.items()}
        text = " ".join([_one_line(message), *(f"{name}={_value(value)}" for name, value in fields.items())])
        if self.json:
            entry = {"time": time, "level": level, "message": message, **fields}
            line = json_text.dumps(entry | ({"traceback": trace} if trace else {}), default=str)
        else:
            line = f"{time} {_LEVELS.get(level, level)} {text}"
            line += "".join(f"\n    {_one_line(part)}" for part in trace.splitlines())
        self._write(line)
        self._keep(time, text)

    def worker(self, line: str) -> None:
        """Write a line that the worker process printed."""
        # A progress bar returns to the start of its line: only what it shows last is of use.
        text = _COLOURS.sub("", line.rstrip("\r\n")).rpartition("\r")[2][:WORKER_LINE]
        if text.strip():
            self.event("info", text, source="worker")

    def recent(self) -> list[dict[str, Any]]:
        """The last lines: `{"t": time, "m": text}`."""
        return list(self._recent)

    def _write(self, line: str) -> None:
        stream = self._stream or sys.stderr
        try:
            stream.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
            stream.flush()
        except UnicodeEncodeError:  # a terminal without the characters
            stream.write(line.encode("ascii", "backslashreplace").decode("ascii") + "\n")
            stream.flush()
        except (OSError, ValueError):  # the reader of the log has gone; the server goes on without it
            pass

    def _keep(self, time: str, text: str) -> None:
        entry = {"t": time, "m": text}
        self._recent.append(entry)
        for listener in tuple(self.listeners):
            listener(entry)


def redact(text: str) -> str:
    """The text without the token of any address in it."""
    return _TOKEN.sub(r"\1...", text)


def _one_line(text: str) -> str:
    """The text with nothing in it that starts a new line or commands a terminal."""
    return _CONTROL.sub(lambda c: c[0].encode("unicode_escape").decode("ascii"), text)


def _value(value: Any) -> str:
    """A field in a line of text: quoted where it has to be."""
    text = value if isinstance(value, str) else json_text.dumps(value, default=str, ensure_ascii=False)
    plain = not isinstance(value, str) or (text and not re.search(r'[\s"=]', text))
    return _one_line(text if plain else json_text.dumps(text, ensure_ascii=False))


class Bridge(logging.Handler):
    """What libraries (aiohttp, asyncio) log, as events of ours."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(logging.WARNING)
        self.logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "aiohttp.server" and isinstance(error, ConnectionError):
            return  # a client went away while it was answered
        fields: dict[str, Any] = {"source": record.name}
        level = "warning" if record.levelno < logging.ERROR else "error"
        if error is not None:
            fields["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
            if _malformed(error):  # by a scanner or a broken client: no fault of ours
                level = "warning"
            else:
                fields["traceback"] = "".join(traceback.format_exception(error))
        self.logs.event(level, record.getMessage(), **fields)


def _malformed(error: BaseException) -> bool:
    return any(kind.__name__ == "HttpProcessingError" for kind in type(error).__mro__)
