"""The WebSocket clients: what each has still to be sent, in bounded memory, so that nobody ever waits for one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple, Protocol

from web.standard import text

BEHIND = 2_000  # unsent messages from which on a client gets only the newest of each kind; events come in bursts
MOST = 10_000  # unsent messages that nothing replaces; with more of them a client is cut off
MOST_SIZE = 32 << 20  # characters and bytes of them
TURN = 200  # messages after which the writer lets others run
PREVIEW, PREVIEW_WITH_METADATA = 1, 4
FORMATS = {"image/jpeg": 1, "image/png": 2}
SHARED = 8  # sockets of one client id: a tab that was duplicated has the id of the other
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Socket(Protocol):
    """What of aiohttp's WebSocketResponse is used."""

    async def send_str(self, data: str) -> None: ...
    async def send_bytes(self, data: bytes) -> None: ...
    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool: ...


class _Unsent(NamedTuple):
    frame: str | bytes
    latest: str | None


class Client:
    """One socket. `put` never waits; a task sends. Coalescing begins when the client is behind, so one that keeps
    up gets every message, and one that does not gets the newest of each kind and all that nothing replaces."""

    def __init__(self, sid: str, socket: Socket, abort: Callable[[], None]) -> None:
        self.sid, self.socket, self._abort = sid, socket, abort
        self.metadata = False  # whether previews come with their node
        self._unsent: OrderedDict[int, _Unsent] = OrderedDict()
        self._newest: dict[str, int] = {}  # of each kind that is unsent
        self._count = self._lasting = self._size = 0
        self._stopped = False
        self._news = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._write())

    def put(self, frame: str | bytes, latest: str | None = None, *, only_newest: bool = False) -> None:
        """Have a frame sent. latest: of which kind it is; only_newest: replace an older one in any case."""
        if self._stopped:
            return
        if latest is None:
            self._lasting += 1
            self._size += len(frame)
        else:
            older = self._newest.get(latest)
            if older is not None and (only_newest or len(self._unsent) >= BEHIND):
                self._unsent.pop(older, None)
            self._newest[latest] = self._count
        self._unsent[self._count] = _Unsent(frame, latest)
        self._count += 1
        self._news.set()
        if self._lasting > MOST or self._size > MOST_SIZE:
            self.cut()

    async def _write(self) -> None:
        sent = 0
        with contextlib.suppress(ConnectionError, RuntimeError):  # it has gone; who reads from it will notice
            while True:
                while self._unsent:
                    await self._send(*self._unsent.popitem(last=False))
                    sent += 1
                    if sent % TURN == 0:
                        await asyncio.sleep(0)
                self._news.clear()
                await self._news.wait()
        self.cut()

    async def _send(self, number: int, unsent: _Unsent) -> None:
        frame, latest = unsent
        if latest is None:
            self._lasting -= 1
            self._size -= len(frame)
        elif self._newest[latest] == number:
            del self._newest[latest]
        if isinstance(frame, str):
            await self.socket.send_str(frame)
        else:
            await self.socket.send_bytes(frame)

    def stop(self) -> None:
        """Send nothing any more."""
        self._stopped = True
        self._task.cancel()
        self._unsent.clear()
        self._newest.clear()

    def cut(self) -> None:
        """Close the connection at once: what is left unsent is never read."""
        self.stop()
        self._abort()


class Hub:
    """All clients, by their ids."""

    def __init__(self) -> None:
        self._clients: dict[str, list[Client]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def connect(self, sid: str, socket: Socket, abort: Callable[[], None]) -> Client:
        """A client came, or came again: then its older sockets, of which it may not know any more, get the same as long
        as they last, up to SHARED. abort: cuts its connection."""
        client = Client(sid, socket, abort)
        sockets = self._clients.setdefault(sid, [])
        sockets.append(client)
        for older in sockets[:-SHARED]:
            sockets.remove(older)
            self._dismiss(older, 1000, b"this client id connected again and again")
        return client

    def disconnect(self, client: Client) -> None:
        """A client has gone."""
        client.stop()
        left = [other for other in self._clients.get(client.sid, ()) if other is not client]
        if left:
            self._clients[client.sid] = left
        else:
            self._clients.pop(client.sid, None)

    def watched(self, sid: str | None) -> bool:
        """Whether a client of that id (None: any) is there, so that a message is worth its making."""
        return bool(self._clients) if sid is None else sid in self._clients

    def sids(self) -> set[str]:
        return set(self._clients)

    def send(self, sid: str | None, type: str, data: Mapping[str, Any], *, latest: str | None = None) -> None:
        """To the client of that id (None: to all).

        latest: a key; to a client that is behind, a newer message of the same key goes instead of an unsent older one.
        """
        to = self._to(sid)
        if to:
            frame = encode(type, data)
            for client in to:
                client.put(frame, latest)

    def _to(self, sid: str | None) -> Iterable[Client]:
        return list(chain(*self._clients.values())) if sid is None else self._clients.get(sid, ())

    def preview(self, sid: str, image: bytes, metadata: dict[str, Any], *, asked: bool = True) -> None:
        """A picture of work in progress, JPEG or PNG; only the newest is worth sending.

        asked: whether somebody wants previews. If not, they go to clients that say they know them (by a feature flag):
        simple ones take every picture that comes for a result.
        """
        for client in self._to(sid):
            if asked or client.metadata:
                client.put(preview_frame(image, metadata if client.metadata else None), "preview", only_newest=True)

    async def close(self) -> None:
        """Say goodbye to all: the server stops."""
        for client in self._to(None):
            self._dismiss(client, 1001, b"the server stops")
        self._clients.clear()
        await asyncio.gather(*self._closing)

    def _dismiss(self, client: Client, code: int, why: bytes) -> None:
        client.stop()
        task = asyncio.get_running_loop().create_task(_close(client, code, why))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(client: Client, code: int, why: bytes, patience: float = 2.0) -> None:
    try:
        await asyncio.wait_for(client.socket.close(code=code, message=why), patience)
    except (OSError, RuntimeError, asyncio.TimeoutError):  # it does not listen
        client.cut()


def encode(type: str, data: Mapping[str, Any]) -> str:
    """A text frame."""
    message = {"type": type, "data": data}
    try:
        return _encode(message)
    except ValueError:  # NaN, which no browser can read
        return text(message)


def image_type(image: bytes) -> str:
    return "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"


def preview_frame(image: bytes, metadata: Mapping[str, Any] | None) -> bytes:
    """A binary frame: `event, format, image`, or `event, length, JSON, image` with metadata."""
    kind = image_type(image)
    if metadata is None:
        return struct.pack(">II", PREVIEW, FORMATS[kind]) + image
    told = _encode({**metadata, "image_type": kind}).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(told)) + told + image
