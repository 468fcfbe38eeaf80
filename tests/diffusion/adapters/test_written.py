"""Whole files that diffusers, peft and LyCORIS write for a network, merged as these merge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from diffusion import checkpoint, layouts, settings
from diffusion.adapters import load
from diffusion.placement import Resident
from tests.diffusion.test_families import theirs

FAMILIES = ("sd2", "sdxl")
STRENGTH = 0.7


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    torch.manual_seed(0)
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


def randomise(network: nn.Module, but: set[str]) -> None:
    """Give what an adapter added values that change something."""
    for name, parameter in network.named_parameters():
        if name not in but and parameter.is_floating_point():
            parameter.data.add_(torch.randn_like(parameter) * 0.05)


def merged_by_us(name: str, path: Path, base: Path, strength: float) -> dict[str, Tensor]:
    model = load.apply_to_model(path, checkpoint.load(base / f"{name}.safetensors")[0], strength)
    assert isinstance(model.network, Resident)
    return dict(model.network.ready().state_dict())


def compare(ours: Mapping[str, Tensor], merged: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> int:
    """How many weights were changed; all weights agree."""
    names = layouts.unet_names({name: tuple(t.shape) for name, t in before.items()})
    for name, want in merged.items():
        got = ours[names[name]].view(want.shape)
        assert (got - want).norm() <= 1e-5 * want.norm(), name
    return sum(not want.equal(before[name]) for name, want in merged.items())


@pytest.mark.parametrize(
    "options", [{}, {"use_rslora": True}, {"use_dora": True}, {"alpha_pattern": {"attn1.to_k": 2}}]
)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.filterwarnings("ignore::UserWarning:peft")
def test_what_diffusers_saves_is_merged_as_diffusers_fuses_it(name: str, options: dict[str, Any], base: Path):
    peft: Any = pytest.importorskip("peft")
    his: Any = theirs(name, base)
    before = {n: t.clone() for n, t in his.state_dict().items()}
    layers = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "conv1", "proj_in", "time_emb_proj"]
    his.add_adapter(peft.LoraConfig(r=4, lora_alpha=6, target_modules=layers, **options))
    randomise(
        his,
        {n.replace(".base_layer", "") for n in before} | {n for n, _ in his.named_parameters() if "base_layer" in n},
    )
    his.save_lora_adapter(base / f"saved-{name}-{len(options)}")
    strength = 1.0 if "use_dora" in options else STRENGTH
    his.fuse_lora(lora_scale=strength)
    fused = {n.replace(".base_layer", ""): t for n, t in his.state_dict().items() if "lora_" not in n}
    ours = merged_by_us(name, base / f"saved-{name}-{len(options)}/pytorch_lora_weights.safetensors", base, strength)
    assert compare(ours, fused, before) > 20


def lycoris_file(his: Any, algorithm: str, prefix: str, base: Path, alpha: float) -> tuple[Any, Path]:
    """LyCORIS' own network around his, and its file with names that begin otherwise."""
    lycoris: Any = pytest.importorskip("lycoris")
    sizes = {"linear_dim": 4, "linear_alpha": alpha, "conv_dim": 4, "conv_alpha": alpha}
    network: Any = lycoris.create_lycoris(his, 1.0, **sizes, algo=algorithm)
    network.apply_to()
    randomise(network, set())
    network.save_weights(str(base / "lycoris.safetensors"), torch.float32, {})
    renamed = {prefix + n.removeprefix("lycoris"): t for n, t in load_file(base / "lycoris.safetensors").items()}
    save_file(renamed, base / "renamed.safetensors")
    return network, base / "renamed.safetensors"


ALGORITHMS = ("locon", "loha", "lokr", "full", "diag-oft", "boft")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_network_answers_as_with_the_modules_of_lycoris(algorithm: str, base: Path):
    his: Any = theirs("sd2", base)
    x, context = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 64)
    plain = his(x, 500, context).sample
    _, path = lycoris_file(his, algorithm, "lora_unet", base, 2.0)
    model = load.apply_to_model(path, checkpoint.load(base / "sd2.safetensors")[0], 1.0)
    want, got = his(x, 500, context).sample, model.network(x, torch.tensor([500.0]), context)
    assert (got - want).norm() < 1e-5 * want.norm()
    assert (plain - want).norm() > 1e-2 * want.norm()


@pytest.mark.parametrize("prefix", ["lycoris", "lora_unet"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_lycoris_saves_is_merged_as_lycoris_merges_it(algorithm: str, prefix: str, base: Path):
    his: Any = theirs("sdxl", base)
    before = {n: t.clone() for n, t in his.state_dict().items()}
    # where alpha is not the rank, version 4.1 applies the scale twice when it merges LoHa and LoKr, though not else
    network, path = lycoris_file(his, algorithm, prefix, base, 4.0)
    network.restore()
    network.merge_to(1.0)
    assert compare(merged_by_us("sdxl", path, base, 1.0), his.state_dict(), before) > 20
