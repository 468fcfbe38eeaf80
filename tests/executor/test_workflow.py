"""Loading: which form a file is, and what is said of files that are none."""

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from executor.workflow.document import Document, WorkflowError, load
from executor.workflow.lenient import MAX_DEPTH
from tests.executor.test_metadata import PROMPT, WORKFLOW, WRITTEN, before_end, chunk, picture, png
from tests.executor.workflows import NODES


def test_both_json_forms_are_told_apart() -> None:
    assert load(json.dumps(PROMPT).encode()) == Document("the data", api=PROMPT)
    assert load(json.dumps(WORKFLOW).encode()) == Document("the data", workflow=WORKFLOW)
    assert load(b"{}") == Document("the data", api={})


def test_the_body_of_a_request_is_read() -> None:
    body = {"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": WORKFLOW}}}
    assert load(json.dumps(body).encode()) == Document("the data", PROMPT, WORKFLOW)


def test_a_node_may_be_called_prompt() -> None:
    api = {"prompt": {"class_type": "Size", "inputs": {}}}
    assert load(json.dumps(api).encode()).api == api


def test_pictures_carry_both_forms_and_the_graph_that_ran_is_the_one_to_run(tmp_path: Path) -> None:
    path = tmp_path / "a picture.png"
    path.write_bytes(png(**WRITTEN))
    document = load(path)
    assert (document.name, document.api, document.workflow) == ("a picture.png", PROMPT, WORKFLOW)
    assert document.extra == {"mezzotint": '{"version": "1"}'}
    assert document.form == "API graph and editor workflow"
    assert document.graph(NODES).graph is document.api
    assert document.editable(NODES) is document.workflow


@pytest.mark.parametrize("format", ["WEBP", "JPEG"])
def test_other_pictures_carry_them_too(format: str) -> None:
    from executor.workflow.metadata import exif

    assert load(picture(format, exif=exif(WRITTEN))).workflow == WORKFLOW


def test_either_form_gives_the_other() -> None:
    api = {"1": {"class_type": "Size", "inputs": {"width": 8, "height": 9}, "_meta": {"title": "T"}}}
    workflow = Document("x", api=api).editable(NODES)
    assert Document("x", workflow=workflow).graph(NODES).graph == api


def test_lenient_json() -> None:
    text = '\ufeff{"1": {"class_type": "A", "inputs": {"a": NaN, "b": -Infinity, "c": 1, "c": 2}}}'
    for data in (text.encode(), text.encode("utf-16"), text.encode() + b"\0\n"):
        api = load(data).api
        assert api is not None
        inputs = api["1"]["inputs"]
        assert math.isnan(inputs["a"])
        assert (inputs["b"], inputs["c"]) == (-math.inf, 2)


def test_one_damaged_form_does_not_lose_the_other() -> None:
    assert load(png(prompt="{", workflow=json.dumps(WORKFLOW))).workflow == WORKFLOW


def test_a_workflow_in_nan_prompt_texts_is_read() -> None:
    api = load(png(prompt='{"1": {"class_type": "A", "inputs": {}, "is_changed": [NaN]}}')).api
    assert api is not None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f: the file is empty"),
        (b"  \n", "f: the file is empty"),
        (b'{"nodes": [\n  {"id": 1, "ty', "f: the JSON is cut off at line 2 column 13"),
        (b'{"nodes": [1, 2', "f: the JSON is cut off at line 1 column 16"),
        (b'{"nodes": \n x}', "f: not JSON: expecting value at line 2 column 2"),
        (b"<!DOCTYPE html><html>", "f: this is a web page"),
        (b"[]", "f: a JSON array, neither an editor workflow nor an API graph"),
        (b"null", "f: a JSON null, neither"),
        (b"true", "f: a JSON boolean, neither"),
        (b'{"a": 1, "b": 2}', "its keys are a, b"),
        (b"[" * 100_000, "nested deeper than"),
        (b'{"nodes": ' + b"[" * 300 + b"]" * 300 + b"}", f"f: the JSON is nested deeper than {MAX_DEPTH} levels"),
        (b"PK\3\4" + b"x" * 30, "f: a zip archive, not a workflow"),
        (b"GIF89a" + b"x" * 30, "f: a picture of a kind that carries no graph"),
        (b"\x40\0\0\0\0\0\0\0" + b'{"__metadata__"', "f: a safetensors file, not a workflow"),
        (png(), "f: this picture carries no workflow"),
        (png(Software="x"), "it has the texts Software"),
        (png(parameters="a cat\nby another tool"), "generation parameters of another program ('a cat'), not a graph"),
        (png(prompt='{"1": '), "f, its 'prompt' text: the JSON is cut off at line 1"),
        (picture("JPEG"), "f: this picture carries no workflow"),
    ],
)
def test_what_is_no_workflow_says_what_it_is(data: bytes, message: str) -> None:
    with pytest.raises(WorkflowError) as error:
        load(data, "f")
    assert message in str(error.value)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


def test_no_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture whose data is damaged, or that claims to be huge, still gives its graph."""
    monkeypatch.setattr(Image, "open", None)
    header = chunk(b"IHDR", b"\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\0\0\0")
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"tEXt", b'prompt\0{"1": {"class_type": "A"}}')
    assert load(data).api == {"1": {"class_type": "A"}}
    assert load(before_end(png(), chunk(b"tEXt", b"prompt\0{}"))).api == {}
