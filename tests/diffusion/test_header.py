"""Headers of model files: what is read without torch equals what safetensors reads; everything else is named."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from diffusion.header import HEADER_LIMIT, ModelFileError, read_header


def write(path: Path, header: object, data: bytes = b"") -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def test_equals_what_safetensors_reads(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    tensors = {"x": torch.ones(2, 3, dtype=torch.float16), "deep.y": torch.zeros(0, 4), "n": torch.tensor(7)}
    save_file(tensors, path, metadata={"format": "pt", "title": "ü"})
    header = read_header(path)
    assert header.shapes == {name: tuple(t.shape) for name, t in tensors.items()}
    with safe_open(path, "pt") as theirs:
        assert header.metadata == theirs.metadata()
    assert {name: entry.dtype for name, entry in header.entries.items()} == {"x": "F16", "deep.y": "F32", "n": "I64"}


def test_content_decides_not_the_name(tmp_path: Path):
    path = tmp_path / "a.ckpt"
    save_file({"x": torch.ones(2)}, path)
    assert read_header(path).shapes == {"x": (2,)}


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_length_that_begins_like_a_pickle(tmp_path: Path, length: int):
    raw = json.dumps({"x": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode().ljust(length)
    assert read_header(write(tmp_path / "a.safetensors", raw)).shapes == {"x": (0,)}


FOREIGN = {
    "empty": (b"", "empty"),
    "web page": (b"<!DOCTYPE html><html><body>401</body></html>", "web page"),
    "web page after blanks": (b"\n\n  <html lang=en>", "web page"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n", "git lfs pull"),
    "gguf": (b"GGUF\x03\0\0\0" + bytes(64), "GGUF"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
    "gzip": (b"\x1f\x8b\x08" + bytes(64), "gzip"),
    "json": (b'{"weight_map": {}}', "JSON"),
    "short": (b"\x01\x02\x03", "only 3 bytes"),
    "noise": (bytes(range(1, 200)), "neither"),
    "zip": (b"PK\x03\x04" + bytes(64), "damaged"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_model_is_named(tmp_path: Path, kind: str):
    content, words = FOREIGN[kind]
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match=words) as error:
        read_header(tmp_path / "model.safetensors")
    assert "model.safetensors" in str(error.value)


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DAMAGED = {
    "not JSON": b"{not json",
    "not a table": {"x": [1, 2]},
    "unknown dtype": {"x": {**GOOD, "dtype": "F33"}},
    "negative size": {"x": {**GOOD, "shape": [-2]}},
    "size is no number": {"x": {**GOOD, "shape": [2.0]}},
    "length unlike shape": {"x": {**GOOD, "shape": [3]}},
    "huge shape": {"x": {**GOOD, "shape": [2**62, 2**62]}},
    "three offsets": {"x": {**GOOD, "data_offsets": [0, 4, 8]}},
    "metadata is no table": {"__metadata__": 3},
    "a name twice": b'{"x": {}, "x": {}}',
    "deep": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_header_is_said_to_be(tmp_path: Path, kind: str):
    with pytest.raises(ModelFileError, match="damaged"):
        read_header(write(tmp_path / "a.safetensors", DAMAGED[kind], bytes(8)))


def test_a_truncated_file_says_how_much_is_missing(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    save_file({"x": torch.ones(100)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(ModelFileError, match=f"truncated: 40 of {len(whole)} bytes"):
        read_header(path)
    path.write_bytes(whole[:30])
    with pytest.raises(ModelFileError, match="truncated"):
        read_header(path)


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", HEADER_LIMIT + 1) + b"{" + bytes(100))
    with pytest.raises(ModelFileError):
        read_header(path)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path):
    with pytest.raises(ModelFileError, match="folder"):
        read_header(tmp_path)
    with pytest.raises(ModelFileError, match=r"gone\.safetensors cannot be read"):
        read_header(tmp_path / "gone.safetensors")


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_do_worse_than_a_message(tmp_path_factory: pytest.TempPathFactory, content: bytes, framed: bool):
    path = tmp_path_factory.getbasetemp() / "random.bin"
    path.write_bytes(struct.pack("<Q", len(content)) + content if framed else content)
    with pytest.raises(ModelFileError):
        read_header(path)


def test_needs_no_torch():
    modules = "diffusion.header, diffusion.pickled, diffusion.detect, diffusion.settings"
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
