"""Looking at pictures, and uploading them."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
