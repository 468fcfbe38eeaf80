"""One worker process as the web process sees it: its pipes, what it was asked, and its death."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from executor.worker import frames
from executor.worker.lost import Death, WorkerLost, named
from executor.worker.place import where

OnEvent = Callable[[dict[str, Any], bytes], None]
LINES = 50  # of the log that are kept
WIDTH = 4000  # characters of a line
DRAIN = 1.0  # seconds that its pipes have to end after it: its own children may hold them open


class Refused(Exception):
    """The worker cannot grant a request; `kind` says why to programs."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class _Asked:
    reply: asyncio.Future[dict[str, Any]]
    on_event: OnEvent | None


class Child(asyncio.SubprocessProtocol):
    """A process that speaks in frames."""

    def __init__(self, on_hello: Callable[[Child], None], on_log: Callable[[str], None]):
        self.hello: dict[str, Any] | None = None
        self.memory = 0  # bytes, when it was last looked at
        self.ended = asyncio.Event()
        self._on_hello, self._on_log = on_hello, on_log
        self._transport: asyncio.SubprocessTransport
        self._parser = frames.Parser()
        self._asked: dict[int, _Asked] = {}
        self._last = 0  # number of a request
        self._text = ""  # a line of the log that is not complete
        self._lines: deque[str] = deque(maxlen=LINES)
        self._open = {1, 2}
        self._drained = asyncio.Event()
        self._fault = ""

    # --- asking ---

    async def ask(self, request: Mapping[str, Any], payload: bytes, on_event: OnEvent | None = None) -> dict[str, Any]:
        """The reply. Raises Refused, WorkerLost, and what `on_event` raises."""
        self._last += 1
        number, reply = self._last, asyncio.get_running_loop().create_future()
        self._asked[number] = _Asked(reply, on_event)
        try:
            self.tell({"id": number, **request}, payload)
            return await reply
        finally:
            self._asked.pop(number, None)

    def tell(self, request: Mapping[str, Any], payload: bytes = b"") -> None:
        """Send a request and care for no reply."""
        pipe = cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))
        if pipe is not None and not pipe.is_closing():
            pipe.write(frames.pack(request, payload))

    # --- what asyncio tells of the process ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._log(data.decode("utf-8", "replace"))
            return
        try:
            for frame in self._parser.feed(data):
                self._hear(frame)
        except frames.BrokenStream as error:
            self._fault = f"was ended, since it sent {error}"
            self.signal("kill")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self._drained.set()

    def process_exited(self) -> None:
        self.ended.set()

    # --- hearing ---

    def _hear(self, frame: frames.Frame) -> None:
        header, payload = frame
        if "hello" in header:
            self.hello = header["hello"]
            self._on_hello(self)
            return
        asked = self._asked.get(header.get("id", 0))
        if asked is None or asked.reply.done():
            return
        if "event" in header:
            self._event(asked, header["event"], payload)
        elif "refused" in header:
            asked.reply.set_exception(Refused(**header["refused"]))
        else:
            asked.reply.set_result(header["reply"])

    def _event(self, asked: _Asked, event: dict[str, Any], payload: bytes) -> None:
        try:
            if asked.on_event is not None:
                asked.on_event(event, payload)
        except Exception as error:  # the fault of who asked, and only theirs
            asked.reply.set_exception(error)

    def _log(self, text: str) -> None:
        *lines, self._text = (self._text + text.replace("\r", "\n")).split("\n")
        if len(self._text) > WIDTH:
            lines.append(self._text)
            self._text = ""
        for line in filter(str.strip, lines):
            self._lines.append(line[:WIDTH])
            self._on_log(line[:WIDTH])

    # --- its end ---

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    def signal(self, how: str) -> None:
        """`terminate` or `kill` it."""
        with suppress(ProcessLookupError):
            getattr(self._transport, how)()

    async def gone(self) -> Death:
        """How it ended, once it has and all that it said is heard."""
        await self.ended.wait()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._drained.wait(), DRAIN)
        self._log("\n")
        return self._death()

    def close(self) -> None:
        """Let go of its pipes, and end it if it still runs."""
        self._transport.close()

    def _death(self) -> Death:
        code = self._transport.get_returncode()
        at = where(Path(self.hello["place"])) if self.hello else None
        return Death(
            signal=named(-code) if code is not None and code < 0 else None,
            exit_code=code if code is not None and code >= 0 else None,
            node=at[0] if at else None,
            node_type=at[1] if at else None,
            memory=self.memory or None,
            log="\n".join(self._lines),
            was_ready=self.hello is not None,
            reason=self._fault,
        )

    def fail(self, death: Death) -> None:
        """Nothing that was asked will be answered."""
        for asked in list(self._asked.values()):
            if not asked.reply.done():
                asked.reply.set_exception(WorkerLost(death))
