"""Files that a user keeps here: workflows and settings."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
