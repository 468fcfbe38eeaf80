"""The ready workflows that a page can begin with."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.web.conftest import ROOT
from tests.web.served import Served
from tests.web.tables import make_state, serving
from web.routes import templates


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(make_state(tmp_path), templates) as server:
        yield server


def test_every_ready_workflow_is_listed_and_has_a_picture_if_its_models_are_here(server: Served):
    names = server.ask("/workflow_templates").json["mezzotint"]
    assert names == sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
    for name in names:
        text = (ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8")
        assert server.ask(f"/workflow_templates/mezzotint/{name}.json").json == json.loads(text)
        picture = server.ask(f"/workflow_templates/mezzotint/{name}.webp")
        if "into `models/" in text:  # says where its models are to be had; a page draws the graph instead
            assert picture.status == 404
            continue
        assert max(Image.open(io.BytesIO(picture.body)).size) <= 384


@pytest.mark.parametrize(
    "path",
    ["other/text_to_image.json", "mezzotint/nothing.json", "mezzotint/text_to_image.py", "mezzotint/..%2FREADME.md"],
)
def test_nothing_else_is_served(server: Served, path: str):
    assert server.ask(f"/workflow_templates/{path}").status == 404
