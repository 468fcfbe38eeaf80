"""The WebSocket of the standard's clients."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
