"""The worker's side of the pipe to the web process: nobody who says something waits for it to be read."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from executor.worker.frames import pack


class _Message:
    __slots__ = ("header", "payload")

    def __init__(self, header: Mapping[str, Any], payload: bytes):
        self.header, self.payload = header, payload


class Outgoing:
    """A queue of frames and a thread that writes them; `lost` is called, there, when the reader has gone."""

    def __init__(self, descriptor: int, lost: Callable[[], None]):
        self._descriptor, self._lost = descriptor, lost
        self._queue: list[_Message] = []
        self._latest: dict[str, _Message] = {}  # of those in the queue
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._write, name="outgoing", daemon=True)
        self._thread.start()

    def send(self, header: Mapping[str, Any], payload: bytes = b"", *, latest: str = "") -> None:
        """Say something. latest: takes the place of what was said under the same name, if that is still unsent."""
        with self._news:
            waiting = self._latest.get(latest) if latest else None
            if waiting is not None:
                waiting.header, waiting.payload = header, payload or waiting.payload
                return
            message = _Message(header, payload)
            self._queue.append(message)
            if latest:
                self._latest[latest] = message
            self._news.notify()

    def close(self) -> None:
        """Return when all is written."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join()

    def _write(self) -> None:
        try:
            while messages := self._take():
                data = memoryview(b"".join(_packed(m.header, m.payload) for m in messages))
                while data:
                    data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._lost()
        except BaseException:  # a process that says nothing any more is no good
            traceback.print_exc()
            self._lost()

    def _take(self) -> list[_Message]:
        """All that is to be written, waiting for something; nothing once it is closed."""
        with self._news:
            self._news.wait_for(lambda: self._queue or self._closed)
            messages, self._queue, self._latest = self._queue, [], {}
            return messages


def _packed(header: Mapping[str, Any], payload: bytes) -> bytes:
    """The frame; where a node shows what JSON cannot say, the frame without that, and a warning."""
    try:
        return pack(header, payload)
    except (TypeError, ValueError, RecursionError) as error:
        event = header.get("event")
        if event is None:
            message = f"the answer cannot be told: {error}"
            return pack({"id": header.get("id"), "refused": {"kind": "internal", "message": message}})
        said = f"what node {event.get('node')} shows cannot be told to clients: {error}"
        warned = {**header, "event": {"event": "warned", "message": said}}
        return pack({**header, "event": {**event, "ui": None}}) + pack(warned)
