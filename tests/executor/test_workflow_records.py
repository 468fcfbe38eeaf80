"""The recorded pairs: an editor workflow, and the API graph that the standard's editor sends for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from executor.workflow.document import load
from executor.workflow.flatten import to_api
from executor.workflow.layout import from_api
from tests.replay.workflows import bare, compare, first_difference, names


@pytest.fixture(scope="module")
def folder(conformance: Path) -> Path:
    return conformance / "workflows"


@pytest.fixture(scope="module")
def nodes(conformance: Path) -> dict[str, Any]:
    return json.loads((conformance / "object_info.json").read_text())


def test_every_workflow_flattens_to_the_graph_beside_it(folder: Path, nodes: dict[str, Any]) -> None:
    found = {name: compare(folder, name, nodes) for name in names(None, folder)}
    assert len(found) > 100
    assert {name: difference for name, difference in found.items() if difference} == {}


def test_every_graph_survives_the_way_through_an_editor_workflow(folder: Path, nodes: dict[str, Any]) -> None:
    for name in names(None, folder):
        api = json.loads((folder / f"{name}.api.json").read_text())
        workflow = json.loads(json.dumps(from_api(api, nodes)))
        assert first_difference(bare(to_api(workflow, nodes)), bare(api)) is None, name


def test_values_survive_by_position_alone(folder: Path, nodes: dict[str, Any]) -> None:
    for name in names(None, folder):
        api = json.loads((folder / f"{name}.api.json").read_text())
        workflow = from_api(api, nodes)
        for node in workflow["nodes"]:
            node.pop("widgets_values_named", None)
        assert first_difference(bare(to_api(workflow, nodes)), bare(api)) is None, name


def test_reading_and_writing_loses_nothing_and_flattening_changes_nothing(folder: Path, nodes: dict[str, Any]) -> None:
    for name in names(None, folder):
        path = folder / f"{name}.workflow.json"
        workflow = load(path).workflow
        assert workflow is not None
        to_api(workflow, nodes)
        assert json.dumps(workflow) == json.dumps(json.loads(path.read_text())), name
