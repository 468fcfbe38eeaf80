"""The OpenAPI document of all routes."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from typing import Any

from aiohttp import web

from web.openapi import endpoints, schemas
from web.openapi.endpoints import JSON, Endpoint
from web.openapi.schemas import TEXT, Schema, ref
from web.v2 import docs as v2_docs

routes = web.RouteTableDef()
_ABOUT = """Draw a graph, run it, follow it, fetch the pictures. Every path also exists below `/api`.

Where the server was started with a token, each request shows it: as `Authorization: Bearer TOKEN`, as `?token=TOKEN`,
or by the cookie that the answer to the latter gives. A request that a page of another site sends is refused (403)."""
ENDPOINTS = endpoints.ENDPOINTS | v2_docs.ENDPOINTS
SCHEMAS = schemas.SCHEMAS | v2_docs.SCHEMAS
_TAGS = {
    "running": "Submitting graphs, and what waits and runs",
    "jobs": "Every job, before, while and after it runs",
    "workflows": "Nodes, and the forms of a workflow",
    "files": "Pictures and other files",
    "models": "Model files",
    "user data": "Workflows and settings that are kept here",
    "server": "How the server is",
    "front end": "What only a page needs",
} | v2_docs.TAGS
_MEANINGS = {
    400: "the request cannot be followed; the message says what to change",
    401: "no right token",
    403: "it leads out of its folder, or came from another site",
    404: "there is no such thing",
    409: "it is in the way of what is there",
    413: "too large",
    415: "of a kind that is not taken",
    416: "there is no such part of the file",
    429: "too many wrong tokens; wait",
    503: "the process that runs graphs is not ready; try again",
    507: "the disk is full",
}
_ALWAYS = (401, 403, 429)


@routes.get("/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """What this server can be asked, for people and for generators of clients."""
    return web.json_response(document())


@cache
def document() -> dict[str, Any]:
    """The whole document; nobody may change it."""
    paths: dict[str, dict[str, Any]] = {}
    for place, endpoint in ENDPOINTS.items():
        method, path = place.split(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(path, endpoint)
    errors = {f"Error{status}": _error(text) for status, text in _MEANINGS.items()}
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "query": {"type": "apiKey", "in": "query", "name": "token"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mezzotint", "version": "1", "description": _ABOUT, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "responses": errors, "securitySchemes": schemes},
        "security": [{}, *({name: []} for name in schemes)],
    }


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _operation(path: str, endpoint: Endpoint) -> dict[str, Any]:
    parameters = [_parameter("path", name, TEXT | {"needed": True}) for name in re.findall(r"{(\w+)}", path)]
    parameters += [_parameter("query", name, schema) for name, schema in endpoint.query.items()]
    parameters += [_parameter("header", name, schema) for name, schema in endpoint.header.items()]
    operation: dict[str, Any] = {
        "operationId": endpoint.id or path.strip("/").replace("/", "_").removesuffix(".json"),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "responses": _responses(endpoint),
    }
    if endpoint.text:
        operation["description"] = endpoint.text
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {type: {"schema": schema} for type, schema in endpoint.body.items()}
        operation["requestBody"] = {"content": content, "required": not endpoint.optional_body}
    if endpoint.open:
        operation["security"] = []
    return operation


def _parameter(place: str, name: str, schema: Schema) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key not in ("needed", "description")}
    parameter = {"name": name, "in": place, "required": schema.get("needed", False), "schema": plain}
    return parameter | ({"description": schema["description"]} if "description" in schema else {})


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[int, dict[str, Any]] = {
        endpoint.status: _answer(HTTPStatus(endpoint.status).phrase, endpoint.answers),
        **{status: _answer(text, None) for status, text in endpoint.others.items()},
        **{status: _answer(HTTPStatus(status).phrase, {JSON: schema}) for status, schema in endpoint.also.items()},
    }
    refusals = {403, *endpoint.errors, *(() if endpoint.open else _ALWAYS), *((413,) if endpoint.body else ())}
    if endpoint.status >= 400:  # never anything else
        refusals.add(endpoint.status)
    found |= {status: {"$ref": f"#/components/responses/Error{status}"} for status in refusals}
    return {str(status): found[status] for status in sorted(found)}


def _answer(text: str, content: dict[str, Schema] | None) -> dict[str, Any]:
    bodies = {"content": {type: {"schema": schema} for type, schema in content.items()}} if content else {}
    return {"description": text, **bodies}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": ref("Error")}}}
