"""The page, and what else is static."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
