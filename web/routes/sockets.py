"""The WebSocket of the standard's clients."""

from __future__ import annotations

import json
import uuid
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from web.errors import problem
from web.options import is_loopback
from web.state import STATE, State
from web.stream.hub import Client, encode

routes = web.RouteTableDef()

HEARTBEAT = 30.0  # seconds between pings; a client that answers none is gone
MOST_HEARD = 256 << 10  # bytes of a message from a client
LONGEST_ID = 256


@routes.get("/ws")
async def follow(request: web.Request) -> web.WebSocketResponse:
    """Messages about the jobs of `clientId`, and the length of the queue."""
    state = request.app[STATE]
    sid = request.query.get("clientId") or uuid.uuid4().hex
    if len(sid) > LONGEST_ID:
        raise problem(400, "invalid_client_id", f"clientId has {len(sid)} characters; take at most {LONGEST_ID}")
    near = is_loopback(request.remote or "")  # there compression costs time and saves nothing
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MOST_HEARD, compress=not near)
    await socket.prepare(request)
    client = state.hub.connect(sid, socket, lambda: _abort(request))
    for type, data in state.dispatcher.greeting(sid):
        client.put(encode(type, data))
    try:
        async for message in socket:
            _hear(message, client, state)
    finally:
        state.hub.disconnect(client)
    return socket


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _hear(message: WSMessage, client: Client, state: State) -> None:
    """A client tells what it can; all else that it says means nothing to the standard."""
    if message.type is not WSMsgType.TEXT:
        return
    try:
        said = json.loads(message.data)
    except (ValueError, RecursionError):
        return
    if isinstance(said, dict) and said.get("type") == "feature_flags":
        flags = said.get("data")
        client.metadata = isinstance(flags, dict) and flags.get("supports_preview_metadata") is True
        client.put(encode("feature_flags", features(state)))


def features(state: State) -> dict[str, Any]:
    """What this server can do."""
    return {"supports_preview_metadata": True, "max_upload_size": state.config.limits.body}
