"""Torch pickles: their header is read without torch and nothing in them runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from diffusion.header import ModelFileError, read_header
from diffusion.weights import open_weights

TENSORS = {
    "a": torch.arange(6.0).view(2, 3).half(),
    "b": torch.arange(4, dtype=torch.bfloat16),
    "c": nn.Parameter(torch.tensor([1, 2, 3]), requires_grad=False),
    "turned": torch.arange(6.0).view(2, 3).t(),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("nest", [(), ("state_dict",), ("model", "state_dict")])
def test_names_shapes_and_values_are_torchs(tmp_path: Path, zipped: bool, nest: tuple[str, ...]):
    table: Any = dict(TENSORS)
    for name in nest:
        table = {"epoch": 3, name: table}
    path = tmp_path / "a.ckpt"
    torch.save(table, path, _use_new_zipfile_serialization=zipped)
    header = read_header(path)
    assert header.shapes == {name: tuple(t.shape) for name, t in TENSORS.items()}
    assert {n: e.dtype for n, e in header.entries.items()} == {"a": "F16", "b": "BF16", "c": "I64", "turned": "F32"}
    for name, tensor in open_weights(path).tensors.items():
        assert torch.equal(tensor, TENSORS[name])


class Evil:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_pickle_runs(tmp_path: Path, zipped: bool):
    mark = tmp_path / "ran"
    path = tmp_path / "evil.ckpt"
    torch.save({"state_dict": dict(TENSORS), "x": Evil(mark)}, path, _use_new_zipfile_serialization=zipped)
    assert read_header(path).shapes.keys() == TENSORS.keys()
    with pytest.raises(ModelFileError, match=r"evil\.ckpt holds Python objects.*convert it to safetensors"):
        open_weights(path)
    assert not mark.exists()


def test_a_pickle_without_weights_is_told(tmp_path: Path):
    torch.save([1, 2, 3], tmp_path / "a.pt")
    with pytest.raises(ModelFileError, match="holds no table of weights"):
        read_header(tmp_path / "a.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_pickle_is_told(tmp_path: Path, zipped: bool):
    path = tmp_path / "a.pt"
    torch.save({"x": torch.ones(10_000)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in (len(whole) - 5000, 200, 20):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=r"a\.pt (is|holds)"):
            open_weights(path)


def test_a_table_that_holds_itself_ends(tmp_path: Path):
    table: dict[str, Any] = {}
    table["state_dict"] = table
    torch.save(table, tmp_path / "a.pt")
    with pytest.raises(ModelFileError, match="damaged"):
        read_header(tmp_path / "a.pt")
