"""A client of a Mezzotint server. This file needs aiohttp and nothing else, so it may be copied anywhere.

    from web.client import Client

    with Client("http://127.0.0.1:8188") as server:
        job = server.submit("workflow.json")          # a graph, a saved workflow, or a picture that carries one
        for event in server.events(job):              # goes on by itself where the connection or the server breaks
            print(event.type, event.data)
        for path in server.download(job, "pictures"):
            print(path)

`AsyncClient` has the same methods as coroutines: `await server.submit(...)`, `async for event in server.events(job)`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")
Document = Mapping[str, Any] | str | Path | bytes  # a graph or workflow, the path of a file, or what is in one


class ServerError(Exception):
    """The server refused: `type` and `message` say why, `node_errors` at which nodes."""

    def __init__(self, status: int, type: str, message: str, node_errors: Mapping[str, Any]):
        super().__init__(f"{message} ({type}, {status})")
        self.status, self.type, self.message, self.node_errors = status, type, message, node_errors


class JobFailed(Exception):
    """A job ended without success; `details` is all that the server tells of it."""

    def __init__(self, details: Mapping[str, Any]):
        super().__init__(f"the job {details['id']} {details['status']}: {details.get('error') or 'no reason is known'}")
        self.details = details


@dataclass(frozen=True)
class Job:
    """What the server accepted. `node_errors` are of outputs that are not made; `notes` are for people."""

    id: str
    number: float = 0
    node_errors: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """What happened to a job: `state` (how it is at this moment), `status`, `cached`, `node`, `progress`, `preview`,
    `output`, `warning`, `error` or `end`. Those with an id are never lost and never repeated."""

    type: str
    data: dict[str, Any]
    id: str | None = None


class AsyncClient:
    """Jobs on one server. patience: seconds for which a server that does not answer is tried again."""

    def __init__(self, url: str = "http://127.0.0.1:8188", token: str | None = None, *, patience: float = 60.0):
        self.url, self.patience = url.rstrip("/"), patience
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()

    async def submit(
        self,
        document: Document,
        *,
        key: str | None = None,
        force: bool = False,
        front: bool = False,
        preview: str | None = None,
        webhook: str | None = None,
        client_id: str | None = None,
        targets: list[str] | None = None,
        sweep: dict[str, Any] | None = None,
    ) -> Job:
        """Queue a document. Raises ServerError if it cannot run.

        key: any text of your own; the same one again is the same job. force: compute what is known already.
        front: before all that waits. preview: none, auto, latent2rgb or taesd. targets: only these output nodes.
        webhook: an http(s) URL that is told of the end. client_id: of a WebSocket that follows it too.
        sweep: values of some inputs, `{"5.seed": [1, 2, 3]}`, a run for each combination; `run` events tell of them.
        """
        options = {
            "force": force or None,
            "front": front or None,
            "preview": preview,
            "webhook": webhook,
            "client_id": client_id,
            "partial_execution_targets": targets,
            "sweep": sweep,
        }
        said = {name: value for name, value in options.items() if value is not None}
        headers = {"Idempotency-Key": key} if key else {}
        loaded = await asyncio.to_thread(_read, Path(document)) if isinstance(document, str | Path) else document
        answer = await self._json("POST", "/prompt", lambda: _body(loaded, said), headers)
        notes = tuple(answer.get("notes", ()))
        return Job(answer["prompt_id"], answer["number"], answer.get("node_errors") or {}, notes)

    async def job(self, job: Job | str) -> dict[str, Any]:
        """All that the server knows of a job. Raises ServerError if it knows none."""
        return await self._json("GET", f"/jobs/{_id(job)}")

    async def cancel(self, job: Job | str) -> dict[str, Any]:
        """End a job; its details."""
        return await self._json("POST", f"/jobs/{_id(job)}/cancel")

    async def wait(self, job: Job | str, *, check: bool = True) -> dict[str, Any]:
        """The details of a job when it is over. Raises JobFailed if it did not succeed and `check` is left."""
        async for _ in self.events(job):
            pass
        details = await self.job(job)
        if check and details["status"] != "completed":
            raise JobFailed(details)
        return details

    async def download(self, job: Job | str, folder: str | Path = ".") -> list[Path]:
        """Wait for a job and save its files to `folder`; those shown for the moment only (previews) are left out."""
        details = await self.wait(job)
        saved = [file for file in details["files"] if file["type"] == "output"]
        return [await self._save(file, Path(folder)) for file in saved]

    async def events(self, job: Job | str) -> AsyncGenerator[Event, None]:
        """What happens to a job, from the beginning until it is over, over as many connections as it takes.

        Raises ServerError if there is no such job, ConnectionError if the server stays away.
        """
        last: str | None = None
        pause = _Pause(self.patience)
        while True:
            try:
                async for event in self._stream(f"/jobs/{_id(job)}/events", last):
                    pause.reset()
                    last = event.id or last
                    yield event
                    if event.type == "end":
                        return
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError) as error:
                await pause.before_another(error)
            except ServerError as error:
                if error.status == 204:  # all was seen
                    return
                if error.status < 500:
                    raise
                await pause.before_another(error)
            else:
                await pause.before_another(ConnectionError("the stream ended early"))

    async def _stream(self, path: str, last: str | None) -> AsyncIterator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        # The server shows every 15 s that it is alive.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=45)
        async with self._opened().get(self.url + path, headers=headers, timeout=timeout) as answer:
            if answer.status != 200:
                await _refuse(answer)
            async for event in _events(answer.content.iter_any()):
                yield event

    async def _json(
        self,
        method: str,
        path: str,
        body: Callable[[], dict[str, Any]] = dict,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer to a request; tried again while it surely did nothing, or where a key makes repeats harmless."""
        pause = _Pause(self.patience)
        harmless = aiohttp.ClientConnectionError if headers else aiohttp.ClientConnectorError
        while True:
            try:
                async with self._opened().request(method, self.url + path, headers=headers, **body()) as answer:
                    if answer.status >= 400:
                        await _refuse(answer)
                    return await answer.json()
            except harmless as error:
                await pause.before_another(error)
            except ServerError as error:
                if error.status != 503:
                    raise
                await pause.before_another(error)

    async def _save(self, file: Mapping[str, Any], folder: Path) -> Path:
        """Fetch one file whole, to its name or, if that is taken, to one with a number."""
        name = PurePosixPath(str(file["filename"]).replace("\\", "/")).name
        path = str(file["url"])
        if name in ("", "..") or not path.startswith("/"):
            raise ValueError(f"the server names a file that cannot be saved: {file}")
        async with self._opened().get(self.url + path) as answer:
            if answer.status != 200:
                await _refuse(answer)
            data = await answer.read()
        return await asyncio.to_thread(_write, folder, name, data)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self._session


def _id(job: Job | str) -> str:
    return job if isinstance(job, str) else job.id


@dataclass(frozen=True)
class _File:
    name: str
    data: bytes


def _read(path: Path) -> _File:
    return _File(path.name, path.read_bytes())


def _body(document: Mapping[str, Any] | bytes | _File, options: Mapping[str, Any]) -> dict[str, Any]:
    """How a document goes over the wire: JSON in an envelope, or a form that carries the file."""
    if isinstance(document, Mapping):
        return {"json": {"prompt": document, **options}}
    file = document if isinstance(document, _File) else _File("workflow", document)
    form = aiohttp.FormData()
    for option, value in options.items():
        form.add_field(option, value if isinstance(value, str) else json.dumps(value))
    form.add_field("file", file.data, filename=file.name, content_type="application/octet-stream")
    return {"data": form}


async def _refuse(answer: aiohttp.ClientResponse) -> None:
    """Raises ServerError with what the answer tells."""
    try:
        body = await answer.json(content_type=None)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    message = ": ".join(filter(None, [error.get("message") or answer.reason, error.get("details")]))
    raise ServerError(answer.status, error.get("type", "http_error"), message, body.get("node_errors") or {})


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Server-sent events out of the pieces of a body."""
    fields: dict[str, str] = {}
    async for line in _lines(chunks):
        name, _, value = line.partition(":")
        if name:
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
        elif not line and "data" in fields:
            yield Event(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id"))
            fields = {}


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines without their ends. Not the stream's own readline, which takes no preview that is long."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode().removesuffix("\r")


def _write(folder: Path, name: str, data: bytes) -> Path:
    """A new file of that name, or of that name with a number."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    while True:
        path = folder / (f"{Path(name).stem} ({count}){Path(name).suffix}" if count else name)
        try:
            with path.open("xb") as file:
                file.write(data)
            return path
        except FileExistsError:
            count += 1


class _Pause:
    """Waits between attempts, longer each time, until the patience is over."""

    def __init__(self, patience: float):
        self._patience = patience
        self.reset()

    def reset(self) -> None:
        self._seconds, self._left = 0.1, self._patience

    async def before_another(self, error: Exception) -> None:
        """Raises the error, or ConnectionError from it, if there shall be none."""
        if self._left <= 0:
            raise error if isinstance(error, ServerError | ConnectionError) else ConnectionError(str(error)) from error
        await asyncio.sleep(min(self._seconds, self._left))
        self._left -= self._seconds
        self._seconds = min(2 * self._seconds, 5.0)


class Client:
    """AsyncClient for programs without asyncio: the same methods, which block."""

    def __init__(self, url: str = "http://127.0.0.1:8188", token: str | None = None, *, patience: float = 60.0):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mezzotint client", daemon=True)
        self._thread.start()
        self._client = AsyncClient(url, token, patience=patience)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        if not self._loop.is_closed():
            self._run(self._client.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def submit(self, document: Document, **options: Any) -> Job:
        """See AsyncClient.submit."""
        return self._run(self._client.submit(document, **options))

    def job(self, job: Job | str) -> dict[str, Any]:
        """See AsyncClient.job."""
        return self._run(self._client.job(job))

    def cancel(self, job: Job | str) -> dict[str, Any]:
        """See AsyncClient.cancel."""
        return self._run(self._client.cancel(job))

    def wait(self, job: Job | str, *, check: bool = True) -> dict[str, Any]:
        """See AsyncClient.wait."""
        return self._run(self._client.wait(job, check=check))

    def download(self, job: Job | str, folder: str | Path = ".") -> list[Path]:
        """See AsyncClient.download."""
        return self._run(self._client.download(job, folder))

    def events(self, job: Job | str) -> Iterator[Event]:
        """See AsyncClient.events."""
        events = self._client.events(job)
        try:
            while (event := self._run(_next(events))) is not None:
                yield event
        finally:
            if not self._loop.is_closed():
                self._run(events.aclose())


async def _next(events: AsyncGenerator[Event, None]) -> Event | None:
    return await anext(events, None)
