"""Listings of models: what the disk holds now, and what the files show and say of themselves."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from executor.files import FIRST
from tests.web.served import Answer, Served
from tests.web.tables import make_state, png_header, put, query, refused, serving
from web.config import Limits
from web.routes import models as models_api


def picture(color: str, format: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(data, format)
    return data.getvalue()


def model(metadata: dict[str, str] | None = None) -> bytes:
    """A safetensors file without tensors."""
    header = json.dumps({} if metadata is None else {"__metadata__": metadata}).encode()
    return struct.pack("<Q", len(header)) + header


def color(answer: Answer) -> tuple[int, ...]:
    assert (answer.status, answer.headers["content-type"]) == (200, "image/webp"), answer.body
    with Image.open(io.BytesIO(answer.body)) as image:
        assert (image.format, image.size) == ("WEBP", (8, 8))
        found = image.convert("RGB").getpixel((4, 4))
    assert isinstance(found, tuple)
    return tuple(round(value / 255) for value in found)


RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    put(base / "models/loras/a.safetensors", model({"ss_tag": "x"}))
    put(base / "models/loras/sub dir/b.safetensors", model())
    put(base / "output/loras/merged.safetensors", model())
    put(base / "models/loras/notes.txt", "no model")
    put(base / "models/embeddings/style.v2.pt")
    put(base / "models/configs/v1.yaml")
    put(base / "secret.safetensors", model({"secret": "x"}))
    put(tmp_path / "extra/loras/c.safetensors", model())
    put(tmp_path / "extra/own/d.onnx")
    return base


@pytest.fixture
def server(base: Path, tmp_path: Path) -> Iterator[Served]:
    extra = {"loras" + FIRST: (tmp_path / "extra/loras",), "own": (tmp_path / "extra/own",)}
    with serving(make_state(base, Limits(pixels=10_000), extra=extra), models_api) as server:
        yield server


def test_the_folders_are_the_standards_and_those_of_the_operator(server: Served):
    folders = server.ask("/models").json
    assert {"checkpoints", "loras", "vae", "text_encoders", "diffusion_models", "embeddings", "own"} <= set(folders)


def test_a_folder_lists_models_by_relative_names(server: Served):
    expected = ["a.safetensors", "c.safetensors", "merged.safetensors", "sub dir/b.safetensors"]
    assert server.ask("/models/loras").json == expected
    assert server.ask("/models/clip").json == []
    assert server.ask("/models/own").json == ["d.onnx"]
    assert server.ask("/embeddings").json == ["style.v2"]


def test_new_files_show_at_once(server: Served, base: Path):
    server.ask("/models/loras")
    put(base / "models/loras/new/e.safetensors")
    assert "new/e.safetensors" in server.ask("/models/loras").json
    (base / "models/loras/new/e.safetensors").unlink()
    assert "new/e.safetensors" not in server.ask("/models/loras").json


@pytest.mark.parametrize("folder", ["nothing", "..", "%2e%2e", "%2Fetc", "loras%2F..", "loras%00"])
def test_unknown_folders_are_not_found(server: Served, folder: str):
    assert server.ask(f"/models/{folder}").status == 404
    assert server.ask(f"/experiment/models/{folder}").status == 404
    assert server.ask(f"/view_metadata/{folder}?filename=a.safetensors").status == 404


def test_the_library_lists_folders_and_files_without_telling_where_they_are(server: Served, tmp_path: Path):
    answer = server.ask("/experiment/models")
    folders = {entry["name"]: entry["folders"] for entry in answer.json}
    assert folders["loras"] == ["loras", "models/loras", "output/loras"]
    assert "configs" not in folders
    assert str(tmp_path).encode() not in answer.body
    files = server.ask("/experiment/models/loras").json
    assert {(f["name"], f["pathIndex"]) for f in files} == {
        ("c.safetensors", 0),
        ("a.safetensors", 1),
        ("sub dir/b.safetensors", 1),
        ("merged.safetensors", 2),
    }
    assert all(set(f) == {"name", "pathIndex", "modified", "created", "size"} for f in files)
    stat = (tmp_path / "extra/loras/c.safetensors").stat()
    entry = next(f for f in files if f["name"] == "c.safetensors")
    assert (entry["size"], entry["modified"], entry["created"]) == (stat.st_size, stat.st_mtime, stat.st_ctime)


def test_a_link_to_nothing_is_left_out_of_the_library(server: Served, base: Path):
    (base / "models/loras/gone.safetensors").symlink_to(base / "nothing")
    assert "gone.safetensors" not in {f["name"] for f in server.ask("/experiment/models/loras").json}


# --- pictures ------------------------------------------------------------------------------------

PREVIEW = "/experiment/models/preview/loras/1/"


@pytest.mark.parametrize("beside", ["a.png", "a.preview.png", "a.jpg", "a.webp", "a.preview.webp"])
def test_the_picture_beside_a_model_is_its_preview(server: Served, base: Path, beside: str):
    put(base / "models/loras" / beside, picture("lime", "JPEG" if beside.endswith("jpg") else "PNG"))
    assert color(server.ask(PREVIEW + "a.safetensors")) == GREEN


def test_a_preview_goes_before_a_picture_and_that_before_the_embedded_one(server: Served, base: Path):
    thumbnail = "data:image/jpeg;base64," + base64.b64encode(picture("red", "JPEG")).decode()
    put(base / "models/loras/a.safetensors", model({"modelspec.thumbnail": thumbnail}))
    assert color(server.ask(PREVIEW + "a.safetensors")) == RED
    put(base / "models/loras/a.jpg", picture("lime", "JPEG"))
    assert color(server.ask(PREVIEW + "a.safetensors")) == GREEN
    put(base / "models/loras/a.preview.png", picture("blue"))
    assert color(server.ask(PREVIEW + "a.safetensors")) == BLUE


def test_names_with_folders_and_spaces_have_previews(server: Served, base: Path):
    put(base / "models/loras/sub dir/b.png", picture("red"))
    assert color(server.ask(PREVIEW + "sub%20dir/b.safetensors")) == RED
    assert color(server.ask(PREVIEW + "sub%20dir%2Fb.safetensors")) == RED


@pytest.mark.parametrize(
    "path",
    [
        "loras/1/a.safetensors",
        "loras/0/a.safetensors",
        "loras/9/a.safetensors",
        "loras/-1/a.safetensors",
        "loras/x/a.safetensors",
        "loras/%C2%B2/a.safetensors",
        "loras/1/none.safetensors",
        "loras/1/notes.txt",
        "loras/1/..%2F..%2F..%2Fsecret.safetensors",
        "loras/1/%2e%2e/%2e%2e/secret.safetensors",
        "loras/1/%2Fetc%2Fpasswd",
        "nothing/0/a.safetensors",
    ],
)
def test_there_is_no_preview_of_anything_else(server: Served, base: Path, path: str):
    put(base / "secret.png", picture("red"))
    assert server.ask(f"/experiment/models/preview/{path}").status == 404


@pytest.mark.parametrize(
    ("data", "status"), [(b"<html>", 415), (png_header(101, 100), 413), (b"", 415), (picture("red")[:50], 415)]
)
def test_a_damaged_preview_is_refused(server: Served, base: Path, data: bytes, status: int):
    put(base / "models/loras/a.png", data)
    assert server.ask(PREVIEW + "a.safetensors").status == status


@pytest.mark.parametrize(
    "text", ["", "http://example.org/a.png", "data:image/png;base64,!", "data:text/html;base64,AA=="]
)
def test_what_is_no_embedded_picture_is_no_preview(server: Served, base: Path, text: str):
    put(base / "models/loras/a.safetensors", model({"modelspec.thumbnail": text}))
    assert server.ask(PREVIEW + "a.safetensors").status in (404, 415)


# --- metadata ------------------------------------------------------------------------------------


def test_metadata_is_what_the_header_says(server: Served, base: Path):
    put(base / "models/loras/x/y.safetensors", model({"prompt": '{"1": {}}', "größe": "猫"}))
    answer = server.ask(query("/view_metadata/loras", filename="x/y.safetensors"))
    assert answer.json == {"prompt": '{"1": {}}', "größe": "猫"}
    assert server.ask("/view_metadata/loras?filename=a.safetensors").json == {"ss_tag": "x"}


@pytest.mark.parametrize(
    "name",
    ["", "none.safetensors", "notes.txt", "../../secret.safetensors", "/etc/passwd", "a.safetensors\0", "sub dir"],
)
def test_there_is_no_metadata_of_anything_else(server: Served, name: str):
    answer = server.ask(query("/view_metadata/loras", filename=name))
    assert answer.status == 404
    assert answer.error


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        model(),
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 50) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"\xff\xfe",
        struct.pack("<Q", 22) + b'{"__metadata__": [1,2]}',
        struct.pack("<Q", 99_999) + b"[" * 99_999,
    ],
)
def test_a_damaged_or_silent_model_has_no_metadata(server: Served, base: Path, data: bytes):
    put(base / "models/loras/bad.safetensors", data)
    assert refused(server.ask("/view_metadata/loras?filename=bad.safetensors")) == (404, "no_metadata")
    assert server.ask(PREVIEW + "bad.safetensors").status == 404
