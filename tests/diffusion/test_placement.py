"""Placement: weights are the file's until used and again when released; precision is decided in one place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from diffusion import placement, precision, settings
from diffusion.patches import Patch
from diffusion.placement import Place, Resident
from diffusion.weights import Weights, assemble, open_weights

CPU = torch.device("cpu")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor, timesteps: Tensor, extra: Tensor | None = None) -> Tensor:
        self.seen = [x, timesteps, *([] if extra is None else [extra])]
        return self.conv(x)

    def both(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return tokens * self.conv.weight[0, 0, 0, 0], tokens


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    torch.manual_seed(0)
    save_file(
        {name: t.half() if t.is_floating_point() else t for name, t in Net().state_dict().items()}, tmp_path / "a"
    )
    return open_weights(tmp_path / "a")


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    before = settings.current()
    yield
    settings.use(before)


def resident(weights: Weights, dtype: torch.dtype, *, channels_last: bool = False) -> Resident:
    return Resident(assemble(Net, weights, "toy"), Place(CPU, dtype, channels_last), weights)


def test_at_the_files_own_precision_nothing_is_copied(weights: Weights):
    network = resident(weights, torch.float16)
    assert network.bytes == 0
    for name, tensor in network.ready().state_dict().items():
        assert tensor.data_ptr() == weights.tensors[name].data_ptr()


def test_weights_are_cast_when_used_and_given_back_when_released(weights: Weights):
    network = resident(weights, torch.float32)
    assert network.module.state_dict()["conv.weight"].dtype is torch.float16
    assert network.bytes == 4 * (4 * 3 * 9 + 4)
    assert network.ready().state_dict()["conv.weight"].dtype is torch.float32
    assert network.ready().state_dict()["conv.weight"].equal(weights.tensors["conv.weight"].float())
    assert network.ready().state_dict()["count"].dtype is torch.int64
    network.release()
    assert network.module.state_dict()["conv.weight"].data_ptr() == weights.tensors["conv.weight"].data_ptr()


def test_an_answer_comes_back_as_the_question_went_in(weights: Weights):
    network = resident(weights, torch.bfloat16, channels_last=True)
    y = network(torch.ones(1, 3, 5, 5), torch.tensor([999.0]), extra=torch.ones(2, 2))
    assert y.dtype is torch.float32
    x, timesteps, extra = network.module.seen  # type: ignore[union-attr]
    assert (x.dtype, timesteps.dtype, extra.dtype) == (torch.bfloat16, torch.float32, torch.bfloat16)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_other_methods_are_called_the_same_way(weights: Weights):
    first, second = resident(weights, torch.bfloat16).call("both", torch.tensor([[3]]))
    assert (first.dtype, second.dtype) == (torch.float32, torch.float32)


def test_channels_last_changes_no_number(weights: Weights):
    x, t = torch.randn(2, 3, 6, 6), torch.zeros(2)
    plain, last = (resident(weights, torch.float32, channels_last=c)(x, t) for c in (False, True))
    torch.testing.assert_close(plain, last, atol=1e-6, rtol=1e-6)


def test_the_least_recently_used_makes_room(weights: Weights, monkeypatch: pytest.MonkeyPatch):
    networks = [resident(weights, torch.float32) for _ in range(3)]
    for network in (*networks, networks[0]):
        network.ready()
    frees = iter([0, 10**12, 10**12])
    monkeypatch.setattr(placement, "free_memory", lambda at: next(frees))  # pyright: ignore[reportUnknownLambdaType]
    placement.make_room(CPU, 1000)
    held = [n.module.state_dict()["conv.weight"].dtype is torch.float32 for n in networks]
    assert held == [True, False, True]


def test_a_batch_fits_where_the_estimate_does(weights: Weights, monkeypatch: pytest.MonkeyPatch):
    network = Resident(nn.Identity(), Place(CPU, torch.float32), activation=1000)
    monkeypatch.setattr(placement, "free_memory", lambda at: 10_000_000)  # pyright: ignore[reportUnknownLambdaType]
    assert placement.fits(network, 2, 8, 8)
    assert not placement.fits(network, 2, 64, 64)
    assert placement.fits(network, 1, 64, 64)  # one at a time is the least
    assert placement.fits(lambda x: x, 100, 64, 64)  # pyright: ignore[reportUnknownLambdaType]


def test_precision_is_as_asked_or_what_the_device_does_natively(monkeypatch: pytest.MonkeyPatch):
    assert precision.denoiser("fp32", CPU) is torch.float32
    assert precision.denoiser("bf16", CPU) is torch.bfloat16
    assert precision.denoiser("fp16", torch.device("cuda")) is torch.float16
    for native, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "native_bf16", lambda device, native=native: native)  # pyright: ignore
        assert precision.denoiser("auto", CPU) is expected
    assert precision.denoiser("auto", torch.device("cuda")) is torch.float16
    with pytest.raises(ValueError, match="fp16 is not computed natively by a CPU"):
        precision.denoiser("fp16", CPU)


def test_settings_are_checked_and_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEZZOTINT_PRECISION", "bf16")
    assert settings.from_environment() == settings.Settings("bf16", "auto")
    settings.use(settings.Settings("fp32", "cpu"))
    assert placement.for_denoiser(320) == Place(CPU, torch.float32, False)
    settings.use(settings.Settings("bf16", "cpu"))
    assert placement.for_denoiser(320) == Place(CPU, torch.bfloat16, True)
    assert placement.for_denoiser(64) == Place(CPU, torch.bfloat16, False)
    assert placement.for_coder() == Place(CPU, torch.float32, rounded=True)
    with pytest.raises(ValueError, match="precision 'fp8' is none of auto, fp32, bf16, fp16"):
        settings.Settings("fp8")
    with pytest.raises(ValueError, match="device 'tpu'"):
        settings.Settings("auto", "tpu")
    assert settings.Settings(device="cuda:1").device == "cuda:1"


def doubled(weights: Weights) -> dict[str, tuple[Patch, ...]]:
    return {"conv.weight": (Patch(("double", weights.path), lambda w: 2 * w, 8),)}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_handles_share_one_set_of_weights_which_is_the_last_users(weights: Weights, dtype: torch.dtype):
    network = resident(weights, dtype)
    other = network.patched(doubled(weights))
    plain = weights.tensors["conv.weight"].to(dtype)
    twice = other.ready()
    assert twice is network.module
    assert twice.state_dict()["conv.weight"].equal(2 * plain)
    merged, bias = (twice.state_dict()[n].data_ptr() for n in ("conv.weight", "conv.bias"))
    assert network.patched(doubled(weights)).ready().state_dict()["conv.weight"].data_ptr() == merged  # kept
    back = network.ready().state_dict()
    assert back["conv.weight"].equal(plain)
    assert back["conv.bias"].data_ptr() == bias  # what no patch changes is not even touched
    if dtype is torch.float16:
        assert back["conv.weight"].data_ptr() == weights.tensors["conv.weight"].data_ptr()
    other.patched(doubled(weights)).ready()
    assert network.module.state_dict()["conv.weight"].equal(4 * plain)
    other.release()
    assert network.module.state_dict()["conv.weight"].data_ptr() == weights.tensors["conv.weight"].data_ptr()


def test_where_the_place_says_so_merged_weights_are_rounded_as_the_file_is(weights: Weights):
    third = {"conv.weight": (Patch("third", lambda w: w / 3),)}
    for rounded in (False, True):
        module = assemble(Net, weights, "toy")
        network = Resident(module, Place(CPU, torch.float32, rounded=rounded), weights).patched(third)
        want = weights.tensors["conv.weight"].float() / 3
        assert network.ready().state_dict()["conv.weight"].equal(want.half().float() if rounded else want)


def test_values_are_computed_and_not_kept(weights: Weights):
    network = resident(weights, torch.float32)
    other = network.patched(doubled(weights))
    assert other.value("conv.weight").equal(2 * weights.tensors["conv.weight"].float())
    assert network.module.state_dict()["conv.weight"].data_ptr() == weights.tensors["conv.weight"].data_ptr()
    assert other.state("conv.bias") == network.state("conv.bias")
    assert other.state("conv.weight") != network.state("conv.weight")
    assert other.state("conv.weight") == network.patched(doubled(weights)).state("conv.weight")
    assert (other.bytes, network.bytes) == (4 * (4 * 3 * 9 + 4), 4 * (4 * 3 * 9 + 4))
    assert other.shapes == {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "count": (1,)}


def counted(key: str, calls: list[str]) -> dict[str, tuple[Patch, ...]]:
    def change(weight: Tensor) -> Tensor:
        calls.append(key)
        return weight.add_(1)

    return {"conv.weight": (Patch(key, change),)}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_are_changed_in_the_memory_that_they_have(weights: Weights, dtype: torch.dtype, last: bool):
    calls: list[str] = []
    network = resident(weights, dtype, channels_last=last)
    plain = weights.tensors["conv.weight"].float()
    place = network.ready().state_dict()["conv.weight"].data_ptr()
    one = network.patched(counted("one", calls))
    for handle, want in ((one, plain + 1), (one.patched(counted("two", calls)), plain + 2), (network, plain)):
        got = handle.ready().state_dict()["conv.weight"]
        assert got.data_ptr() == place
        assert got.equal(want.to(dtype))
    in_fp32 = dtype is torch.float32 and not last
    assert calls == (["one", "two"] if in_fp32 else ["one", "one", "two"])  # what is there is gone on with
    assert weights.tensors["conv.weight"].float().equal(plain)


def test_a_change_that_fails_leaves_the_weights_of_the_file(weights: Weights):
    def fail(weight: Tensor) -> Tensor:
        weight.zero_()
        raise OSError("the disk is gone")

    network = resident(weights, torch.float32)
    network.ready()
    other = network.patched({"conv.weight": (Patch("fail", fail),), "conv.bias": (Patch("more", lambda w: w + 1),)})
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            other.ready()
        assert network.ready().state_dict()["conv.weight"].equal(weights.tensors["conv.weight"].float())
        assert network.ready().state_dict()["conv.bias"].equal(weights.tensors["conv.bias"].float())


def test_a_file_in_the_places_own_type_is_never_written_to(tmp_path: Path):
    state = Net().state_dict()
    save_file(state, tmp_path / "a")
    weights = open_weights(tmp_path / "a")
    network = resident(weights, torch.float32)
    network.ready()
    merged = network.patched(doubled(weights)).ready().state_dict()["conv.weight"]
    assert merged.equal(2 * state["conv.weight"])
    assert network.value("conv.weight").equal(state["conv.weight"])
    assert network.ready().state_dict()["conv.weight"].equal(state["conv.weight"])
