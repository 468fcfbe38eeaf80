"""What a client asks for with POST /prompt: a document to run, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from web.body import parse, read_json
from web.config import Config
from web.errors import problem
from web.options import PREVIEWS, is_loopback
from web.state import State

JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")  # credentials that the standard's clients send along
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF")
_YES = {"true": True, "1": True, "yes": True, "": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Submission:
    """A document, as JSON or as the bytes of a file, and what was said about the job."""

    document: Any = None
    payload: bytes = b""  # a file, where there is no document
    name: str = "prompt"  # of the document, for messages
    id: str | None = None
    client_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    targets: list[str] | None = None
    number: float | None = None
    front: bool = False
    force: bool = False
    preview: str | None = None
    webhook: str | None = None
    key: str | None = None
    sweep: dict[str, Any] | None = None


async def read(request: web.Request, state: State) -> Submission:
    """The submission of a request. Raises problem 400 or 403."""
    if request.content_type.startswith("multipart/"):
        options, payload, name = await _multipart(request, state.config)
        document = _unwrapped(options) if not payload else None
    elif request.content_type.startswith("image/") or (await request.read()).startswith(_PICTURES):
        options, payload, name, document = {}, await request.read(), "upload", None
    else:
        body = await read_json(request, state)
        document, options = _enveloped(body)
        payload, name = b"", "prompt"
    if document is None and not payload:
        raise _no_prompt()
    _check_size(document, state.config)
    return _submission(document, payload, name, _queried(options, request), request, state.config)


def _no_prompt() -> web.HTTPException:
    hint = 'send {"prompt": GRAPH}, or a graph, a saved workflow or a picture that carries one as the body'
    return problem(400, "no_prompt", "No prompt provided", hint)


def _check_size(document: Any, config: Config) -> None:
    nodes = document.get("nodes") if isinstance(document, dict) else None
    count = len(nodes) if isinstance(nodes, list) else len(document) if isinstance(document, dict) else 0
    check_nodes(count, config)


def check_nodes(count: int, config: Config) -> None:
    """Raises problem 400 if that is more nodes than a graph may have."""
    if count > config.limits.nodes:
        most = config.limits.nodes
        raise problem(400, "too_many_nodes", f"the graph has {count:,} nodes; {most:,} are the most")


# --- what is the document, and what is said about it --------------------------------------------


def _enveloped(body: Any) -> tuple[Any, dict[str, Any]]:
    """The document and the options of a JSON body: an envelope, or the document itself."""
    if not isinstance(body, dict):
        raise _no_prompt()
    if not any(_holds_document(body, name) for name in ("prompt", "workflow")):
        return (body, {}) if _is_document(body) else (None, {})
    options = {name: value for name, value in body.items() if name not in ("prompt", "workflow")}
    if "prompt" in body:
        return _with_workflow(body, options)
    return body["workflow"], options


def _with_workflow(body: dict[str, Any], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A prompt, beside which the workflow that it was made of may stand."""
    workflow = body.get("workflow")
    if isinstance(workflow, dict) and isinstance(options.get("extra_data", {}), dict):
        options["extra_data"] = _extra_with_workflow(options.get("extra_data") or {}, workflow)
    return body["prompt"], options


def _extra_with_workflow(extra: Mapping[str, Any], workflow: Any) -> dict[str, Any]:
    info = extra.get("extra_pnginfo")
    info = dict(info) if isinstance(info, dict) else {}
    info.setdefault("workflow", workflow)
    return {**extra, "extra_pnginfo": info}


def _holds_document(body: Mapping[str, Any], name: str) -> bool:
    """Whether that key is of an envelope, and not a node of a graph that happens to have this id."""
    value = body.get(name)
    return name in body and not (isinstance(value, dict) and isinstance(value.get("class_type"), str))


def _is_document(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("nodes"), list) or any(isinstance(v, dict) and "class_type" in v for v in body.values())


def _unwrapped(options: dict[str, Any]) -> Any:
    document, rest = _enveloped(options)
    if document is not options:
        options.clear()
        options.update(rest)
        return document
    return None


async def _multipart(request: web.Request, config: Config) -> tuple[dict[str, Any], bytes, str]:
    """The fields of a form, and its file with its name."""
    options: dict[str, Any] = {}
    payload, name = b"", "upload"
    left = config.limits.body
    try:
        form = await request.multipart()
        while (part := await form.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise ValueError("a part has parts itself")
            data = await _part(part, left, config.limits.body)
            left -= len(data)
            if part.name == "file":
                payload, name = data, part.filename or name
            elif part.name:
                options[part.name] = _field(part.name, data, config)
    except (ValueError, AssertionError, RuntimeError, LookupError, EOFError, HttpProcessingError) as error:
        raise problem(400, "invalid_form", "the form cannot be read", str(error)[:200]) from None
    return options, payload, name


async def _part(part: BodyPartReader, left: int, most: int) -> bytes:
    """The bytes of one part. Raises 413 if they are more than are left."""
    chunks: list[bytes] = []
    while chunk := await part.read_chunk(1 << 16):
        chunks.append(chunk)
        left -= len(chunk)
        if left < 0:
            raise web.HTTPRequestEntityTooLarge(most, most + 1)
    return b"".join(chunks)


_JSON_FIELDS = ("prompt", "workflow", "extra_data", "partial_execution_targets", "number", "sweep")


def _field(name: str, data: bytes, config: Config) -> Any:
    if name in _JSON_FIELDS:
        return parse(data, config.limits)
    return data.decode("utf-8")


def _queried(options: Mapping[str, Any], request: web.Request) -> dict[str, Any]:
    """What the URL says stands for what the body leaves out."""
    names = ("client_id", "prompt_id", "force", "front", "preview", "webhook", "number")
    return {name: request.query[name] for name in names if name in request.query} | dict(options)


# --- each option, checked -----------------------------------------------------------------------


def _submission(
    document: Any, payload: bytes, name: str, options: dict[str, Any], request: web.Request, config: Config
) -> Submission:
    extra = _object(options, "extra_data")
    return Submission(
        document,
        payload,
        name[:200],
        id=_id(options),
        client_id=_text(options, "client_id", 256),
        extra={name: value for name, value in extra.items() if name not in SECRETS},
        targets=_targets(options),
        number=_number(options),
        front=_flag(options, "front"),
        force=_flag(options, "force"),
        preview=_preview(options, extra),
        webhook=webhook(options, config),
        key=key(request),
        sweep=sweep(options) or sweep(extra),
    )


def _wrong(name: str, wanted: str) -> web.HTTPException:
    return problem(400, "invalid_request", f"{name} must be {wanted}")


def _object(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = options.get(name)
    if value is not None and not isinstance(value, dict):
        raise _wrong(name, "an object")
    return value or {}


def sweep(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values that some inputs take, a run each (see `executor.sweep`). Raises problem 400."""
    if options.get("sweep") is None:
        return None
    if not _object(options, "sweep"):
        raise _wrong("sweep", 'an object of lists, such as {"3.seed": [1, 2, 3]}')
    return options["sweep"]


def _text(options: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = options.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= longest):
        raise _wrong(name, f"a text of at most {longest} characters")
    return value


def _id(options: Mapping[str, Any]) -> str | None:
    value = options.get("prompt_id")
    if value is not None and not (isinstance(value, str) and JOB_ID.fullmatch(value)):
        raise _wrong("prompt_id", "up to 64 letters, digits, - and _")
    return value


def _targets(options: Mapping[str, Any]) -> list[str] | None:
    value = options.get("partial_execution_targets")
    if value is not None and not (isinstance(value, list) and all(isinstance(id, str | int) for id in value)):
        raise _wrong("partial_execution_targets", "a list of node ids")
    return None if value is None else [str(id) for id in value]


def _number(options: Mapping[str, Any]) -> float | None:
    value = options.get("number")
    if value is None:
        return None
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise _wrong("number", "a number")
    return found


def _flag(options: Mapping[str, Any], name: str) -> bool:
    value = options.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    found = _YES.get(str(value).lower())
    if found is None:
        raise _wrong(name, "true or false")
    return found


def _preview(options: Mapping[str, Any], extra: Mapping[str, Any]) -> str | None:
    """How to preview, by our own option or by the one of the standard's newer clients."""
    value = options.get("preview")
    if value is None:
        theirs = extra.get("preview_method")
        return theirs if theirs in PREVIEWS else None
    if value not in PREVIEWS:
        raise _wrong("preview", f"one of {', '.join(PREVIEWS)}")
    return value


def webhook(options: Mapping[str, Any], config: Config) -> str | None:
    """Where to tell of the end (web/webhooks.py says of whose hosts). Raises problem 400 or 403."""
    value = _text(options, "webhook", 2_000)
    if not value:
        return None
    try:
        url = URL(value)
        sound = url.scheme in ("http", "https") and bool(url.host) and not re.search(r"[\s\x00-\x1f]", value)
    except ValueError:
        sound = False
    if not sound:
        raise _wrong("webhook", "a URL that begins with http:// or https://")
    if config.token is None and not all(map(is_loopback, config.listen)):
        raise problem(403, "webhook_refused", "webhooks need a token where others can connect; start with --token")
    return value


def key(request: web.Request) -> str | None:
    """The text that makes a repeated request the same one. Raises problem 400."""
    value = request.headers.get("Idempotency-Key")
    if value is not None and not 0 < len(value) <= 255:
        raise _wrong("Idempotency-Key", "1 to 255 characters long")
    return value
