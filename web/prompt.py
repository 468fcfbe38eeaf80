"""Submitting a graph, and the standard's queue and history."""

from __future__ import annotations

from aiohttp import web

routes = web.RouteTableDef()
