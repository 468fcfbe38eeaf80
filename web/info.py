"""What this server is and has: nodes, system, features."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
