"""The OpenAPI document: it is one, and it tells of every route and of none that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web

from web.app import TABLES
from web.openapi.document import document
from web.options import PREVIEWS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PATTERN = re.compile(r":[^}]*}")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def registered() -> set[str]:
    """The routes of the application, their parameters without patterns."""
    found = [route for table in TABLES for route in table.routes if isinstance(route, web.RouteDef)]
    return {f"{route.method} {_PATTERN.sub('}', route.path)}" for route in found}


def test_every_route_is_documented_and_nothing_else():
    assert {place for place, _ in operations()} == registered()


def test_every_schema_is_one_and_every_reference_leads_somewhere():
    components = document()["components"]
    used = set(re.findall(r"'#/components/(schemas/\w+|responses/\w+)'", str(document())))
    there = {f"{kind}/{name}" for kind in ("schemas", "responses") for name in components[kind]}
    assert used == there
    for name, schema in components["schemas"].items():
        validator = jsonschema_rs.validator_for({**schema, "components": components, "$schema": DIALECT})
        assert all(map(validator.is_valid, schema.get("examples", ()))), name


def test_operations_have_names_words_and_known_tags():
    tags = {tag["name"] for tag in document()["tags"]}
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))
    for place, operation in operations():
        assert re.fullmatch(r"[a-z0-9_]+", operation["operationId"]), place
        assert operation["summary"], place
        assert set(operation["tags"]) <= tags, place


def test_parameters_of_the_path_are_told():
    for place, operation in operations():
        told = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert told == set(re.findall(r"{(\w+)}", place)), place
        assert all(p["required"] for p in operation.get("parameters", ()) if p["in"] == "path")


def test_every_answer_says_who_is_refused():
    for place, operation in operations():
        assert "403" in operation["responses"], place
        if operation.get("security") != []:
            assert {"401", "429"} <= set(operation["responses"]), place
        if "requestBody" in operation:
            assert "413" in operation["responses"], place
    assert {place for place, o in operations() if o.get("security") == []} == {"GET /healthz", "GET /readyz"}


def test_previews_are_those_that_there_are():
    assert set(document()["components"]["schemas"]["Submission"]["properties"]["preview"]["enum"]) == set(PREVIEWS)


@pytest.mark.parametrize("name", ["bearer", "query"])
def test_the_token_is_described(name: str):
    assert {name: []} in document()["security"]
