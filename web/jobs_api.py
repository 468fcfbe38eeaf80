"""Jobs without a WebSocket: lists, states, and server-sent events that can be resumed."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
