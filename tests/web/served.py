"""An application that really listens, in a thread of the test, and plain sockets to talk to it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

PATIENCE = 20.0


@dataclass
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: dict[str, str]  # names in lower case; repeated ones joined by a newline
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The type of the error, in the standard's shape."""
        error = self.json["error"]
        assert set(error) == {"type", "message", "details", "extra_info"}
        assert error["message"]
        return error["type"]


@dataclass
class Served:
    """Where the application listens."""

    port: int
    tls: ssl.SSLContext | None = None  # for the client
    host: str = "127.0.0.1"

    def connect(self) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        return self.tls.wrap_socket(plain, server_hostname="localhost") if self.tls else plain

    def raw(self, request: bytes) -> Answer:
        """Send these very bytes; the answer, which may come before all of them are read."""
        data = bytearray()
        with self.connect() as connection, suppress(ConnectionResetError):
            connection.sendall(request)
            while not _complete(data) and (part := connection.recv(1 << 16)):
                data += part
        return parse(bytes(data))

    def ask(self, path: str, body: bytes | None = None, method: str | None = None, **headers: str | None) -> Answer:
        """One request, its path as it is. Header names have `_` for `-`; None leaves Host out."""
        lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1", "Connection: close"]
        given = {"Host": f"localhost:{self.port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("Content-Length", str(len(body)))
        lines += [f"{name}: {value}" for name, value in given.items() if value is not None]
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1", "surrogateescape") + (body or b""))

    def upgrade(self, path: str, **headers: str | None) -> int:
        """Ask for a WebSocket; the status (101 if it is granted)."""
        asked = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Host": f"localhost:{self.port}",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items() if value is not None)]
        with self.connect() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            return int(connection.recv(1 << 16).split()[1])


def _complete(data: bytearray) -> bool:
    """Whether all is there that the head promises; unknown (False) where it gives no length."""
    head, end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
    return bool(end and length) and len(body) >= int(length[1] if length else 0)


def parse(data: bytes) -> Answer:
    """The first response in the bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in rest:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = f"{headers[name]}\n{value.strip()}" if name in headers else value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(_chunks(body))
    return Answer(int(first.split()[1]), headers, body)


def _chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, body = body.partition(b"\r\n")
        yield body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]


@contextmanager
def served(
    app: web.Application | Callable[[], web.Application],
    *,
    tls: ssl.SSLContext | None = None,
    trust: ssl.SSLContext | None = None,
) -> Iterator[Served]:
    """An application, or what makes one in the thread of the server, on a free port. trust: the TLS of clients."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runners: list[web.AppRunner] = []

    async def start() -> int:
        made = app if isinstance(app, web.Application) else app()
        runners.append(web.AppRunner(made, access_log=None, shutdown_timeout=1.0))
        await runners[0].setup()
        await web.TCPSite(runners[0], "127.0.0.1", 0, ssl_context=tls).start()
        return runners[0].addresses[0][1]

    async def stop() -> None:
        for runner in runners:
            await runner.cleanup()
        rest = asyncio.all_tasks() - {asyncio.current_task()}  # of connections that were cut
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await loop.shutdown_asyncgens()

    try:
        yield Served(asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE), trust)
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
