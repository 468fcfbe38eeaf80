"""Errors in the words that the standard's clients read."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from aiohttp import web

_CLASSES = {
    error.status_code: error
    for error in (
        web.HTTPBadRequest,
        web.HTTPUnauthorized,
        web.HTTPForbidden,
        web.HTTPNotFound,
        web.HTTPConflict,
        web.HTTPUnsupportedMediaType,
        web.HTTPUnprocessableEntity,
        web.HTTPTooManyRequests,
        web.HTTPInternalServerError,
        web.HTTPServiceUnavailable,
        web.HTTPInsufficientStorage,
    )
} | {413: partial(web.HTTPRequestEntityTooLarge, 0, 0)}


def problem(
    status: int, type: str, message: str, details: str = "", node_errors: dict[str, Any] | None = None
) -> web.HTTPException:
    """An error to raise: its body is `{"error": {type, message, details, extra_info}, "node_errors": {}}`."""
    error = {"type": type, "message": message, "details": details, "extra_info": {}}
    text = json.dumps({"error": error, "node_errors": node_errors or {}})
    return _CLASSES[status](text=text, content_type="application/json")
