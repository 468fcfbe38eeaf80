"""Weights are mapped, not copied; what does not fit is listed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from diffusion.header import ModelFileError, read_header
from diffusion.parts import Part
from diffusion.weights import Weights, assemble, open_weights

KINDS = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.int64, torch.bool)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2, bias=False))


def saved(path: Path, **changes: torch.Tensor | None) -> Weights:
    torch.manual_seed(0)
    state = net().state_dict() | {name.replace("_", ".", 1): t for name, t in changes.items()}
    save_file({name: t for name, t in state.items() if t is not None}, path)
    return open_weights(path)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.lists(st.integers(0, 5), max_size=4)), max_size=6))
def test_values_are_what_safetensors_reads(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[torch.dtype, list[int]]]
):
    path = tmp_path_factory.getbasetemp() / "some.safetensors"
    save_file({f"t{i}": torch.rand(shape).mul(9).to(dtype) for i, (dtype, shape) in enumerate(made)}, path)
    theirs, ours = load_file(path), open_weights(path).tensors
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert (ours[name].dtype, ours[name].shape) == (tensor.dtype, tensor.shape)
        assert ours[name].view(torch.uint8).equal(tensor.view(torch.uint8)) if tensor.dim() else ours[name] == tensor


def test_parameters_are_the_mapped_tensors_themselves(tmp_path: Path):
    weights = saved(tmp_path / "a.safetensors")
    network = assemble(net, weights, "toy")
    for name, parameter in network.state_dict().items():
        assert parameter.data_ptr() == weights.tensors[name].data_ptr()
    assert not any(p.requires_grad for p in network.parameters())


def test_the_file_stays_as_it_was(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    weights = saved(path)
    before = path.read_bytes()
    weights.tensors["0.weight"].zero_()
    assert path.read_bytes() == before


def test_a_forgotten_tensor_is_read_again(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    torch.manual_seed(0)
    tensor = torch.randn(100_003)
    save_file({"a": torch.ones(7), "b": tensor, "c": torch.ones(5000)}, path)
    weights = open_weights(path)
    for name in "bac":
        weights.forget(weights.tensors[name])
    assert weights.tensors["b"].equal(tensor)
    assert weights.tensors["a"].eq(1).all()
    assert weights.tensors["c"].eq(1).all()
    weights.forget(torch.ones(5000))  # not ours: nothing happens


def test_a_part_has_our_names_and_shapes_without_a_copy(tmp_path: Path):
    weights = saved(tmp_path / "a.safetensors")
    part = Part("0.", {"weight": "deep.w"}, {"deep.w": (4, 3, 1, 1)})
    inside = weights.of(part).tensors
    assert {name: tuple(t.shape) for name, t in inside.items()} == part.shapes
    assert inside["deep.w"].data_ptr() == weights.tensors["0.weight"].data_ptr()


def test_rounding_leaves_whole_numbers(tmp_path: Path):
    weights = saved(tmp_path / "a.safetensors", count=torch.tensor([3])).stored_as(torch.float8_e4m3fn)
    assert weights.tensors["0.weight"].dtype is torch.float8_e4m3fn
    assert weights.tensors["count"].dtype is torch.int64


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"0_bias": None}, r"a\.safetensors does not fit the toy: missing 0\.bias$"),
        ({"2_weight": torch.ones(1)}, r"unknown 2\.weight"),
        ({"0_bias": torch.ones(5)}, r"of another shape: 0\.bias is \(5,\), not \(4,\)"),
        ({f"{i}_x": torch.ones(1) for i in range(10, 19)}, r"unknown 10\.x, .*14\.x and 4 more"),
    ],
)
def test_what_does_not_fit_is_listed(tmp_path: Path, changes: dict[str, torch.Tensor | None], words: str):
    with pytest.raises(ModelFileError, match=words):
        assemble(net, saved(tmp_path / "a.safetensors", **changes), "toy")


def test_position_ids_are_passed_over(tmp_path: Path):
    assemble(net, saved(tmp_path / "a.safetensors", embeddings_position_ids=torch.arange(3)[None]), "toy")


def test_a_type_that_torch_lacks_is_told(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    save_file({"x": torch.ones(4, dtype=torch.uint8)}, path)
    path.write_bytes(path.read_bytes().replace(b'"U8"', b'"F4"').replace(b'"shape":[4]', b'"shape":[8]'))
    assert read_header(path).shapes == {"x": (8,)}
    with pytest.raises(ModelFileError, match="stores 'x' as F4"):
        open_weights(path)
