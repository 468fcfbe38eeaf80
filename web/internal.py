"""What only the standard's own front end asks for."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
