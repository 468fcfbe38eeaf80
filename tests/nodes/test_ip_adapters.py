"""IP-Adapters in whole graphs, with narrow random models: what changes the picture, and what does not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from diffusion.settings import Settings, use
from executor.check import check
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.plan import make_plan
from executor.run import execute
from nodes import ip_adapters
from tests import make_controls, make_models, make_prompts
from tests.nodes.test_control import Graph, node, plain, problems, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("adapted")
    for name in ("sd1", "sd2", "sdxl"):
        make_models.write(name, base / "models/checkpoints")
    for name in make_prompts.MAKERS:
        make_prompts.write(name, base / "models/ipadapter")
    make_controls.write("vision", base / "models/clip_vision")
    make_controls.write("style", base / "models/clip_vision")  # what is no vision network is passed over
    return base


@pytest.fixture(autouse=True)
def in_fp32(unchosen_settings: None) -> None:
    use(Settings("fp32", "cpu"))


def seen(graph: Graph, adapter: str, **more: Any) -> Graph:
    """As people's workflows have it: each model by its own loader."""
    graph["10"] = node("IPAdapterModelLoader", ipadapter_file=adapter)
    graph["11"] = node("EmptyImage", width=40, height=72, batch_size=1, color=0x80FF20)
    graph["12"] = node("CLIPVisionLoader", clip_name="vision.safetensors")
    inputs = {"weight": 0.8, "weight_type": "linear", "combine_embeds": "concat", "start_at": 0.0, "end_at": 1.0}
    links = {"model": ["1", 0], "ipadapter": ["10", 0], "image": ["11", 0], "clip_vision": ["12", 0]}
    graph["13"] = node("IPAdapterAdvanced", **{**inputs, "embeds_scaling": "V only", **links, **more})
    graph["5"]["inputs"]["model"] = ["13", 0]
    return graph


def unified(graph: Graph, preset: str, weight_type: str = "standard") -> Graph:
    graph["10"] = node("IPAdapterUnifiedLoader", model=["1", 0], preset=preset)
    graph["11"] = node("EmptyImage", width=40, height=72, batch_size=1, color=0x80FF20)
    graph["13"] = node(
        "IPAdapter", model=["10", 0], ipadapter=["10", 1], image=["11", 0], weight=0.8, start_at=0.0, end_at=1.0,
        weight_type=weight_type,
    )  # fmt: skip
    graph["5"]["inputs"]["model"] = ["13", 0]
    return graph


def failure(graph: Graph, base: Path) -> str:
    files = Files(base)
    outcome = execute(make_plan(read(graph), registry, ["6"], files), files=files)
    (failed,) = outcome.failed
    return f"{failed.node}: {failed.message}"


def differ(a: Tensor, b: Tensor) -> bool:
    return bool(a.isfinite().all()) and float((a - b).abs().max()) > 1e-3


FITTING = [("sd1", name) for name in make_prompts.MAKERS if "sd15" in name]
FITTING += [("sdxl", name) for name in make_prompts.MAKERS if "sdxl" in name]


@pytest.mark.parametrize(("checkpoint", "adapter"), FITTING)
def test_each_kind_changes_the_picture(checkpoint: str, adapter: str, models: Path):
    assert differ(run(seen(plain(checkpoint), adapter), models), run(plain(checkpoint), models))


def test_a_preset_finds_its_files(models: Path):
    by_hand = run(seen(plain("sdxl"), "ip-adapter-plus_sdxl_vit-h.safetensors"), models)
    assert torch.equal(run(unified(plain("sdxl"), "PLUS (high strength)"), models), by_hand)
    light = unified(plain("sd1"), "LIGHT - SD1.5 only (low strength)")
    assert torch.equal(run(light, models), run(seen(plain("sd1"), "ip-adapter_sd15_light.bin"), models))


def test_a_chain_of_two_and_several_pictures(models: Path):
    graph = seen(plain("sd1"), "ip-adapter_sd15.safetensors")
    once = run(graph, models)
    graph["20"] = node("EmptyImage", width=64, height=64, batch_size=3, color=0x102030)
    graph["21"] = node("IPAdapterAdvanced", **{**graph["13"]["inputs"], "model": ["13", 0], "image": ["20", 0]})
    graph["5"]["inputs"]["model"] = ["21", 0]
    twice = run(graph, models)
    assert differ(once, twice)
    graph["21"]["inputs"]["combine_embeds"] = "average"
    assert torch.allclose(run(graph, models), twice, atol=1e-3)  # three equal pictures are one


def test_a_mask_and_a_negative_picture(models: Path):
    graph = seen(plain("sd1"), "ip-adapter-plus_sd15.safetensors")
    whole = run(graph, models)
    graph["20"] = node("SolidMask", value=0.0, width=33, height=50)
    graph["13"]["inputs"]["attn_mask"] = ["20", 0]
    assert torch.allclose(run(graph, models), run(plain("sd1"), models), atol=1e-6)
    del graph["13"]["inputs"]["attn_mask"]
    graph["13"]["inputs"]["image_negative"] = ["11", 0]
    assert differ(run(graph, models), whole)


def test_the_simple_nodes_weights(models: Path):
    preset = "PLUS (high strength)"
    standard = run(unified(plain("sd1"), preset), models)
    assert differ(run(unified(plain("sd1"), preset, "prompt is more important"), models), standard)
    said = failure(unified(plain("sd1"), preset, "style transfer"), models)
    assert said.startswith("13: the weight type 'style transfer' picks transformers of Stable Diffusion XL")


def test_another_width_is_a_problem_that_names_both_files(models: Path):
    (problem,) = problems(seen(plain("sd1"), "ip-adapter_sdxl_vit-h.safetensors"), models)
    assert "ip-adapter_sdxl_vit-h.safetensors has context width 192, sd1.safetensors has 64" in problem.message


def test_another_family_of_the_same_width_is_told_before_a_step(models: Path):
    said = failure(seen(plain("sd2"), "ip-adapter_sd15.safetensors"), models)
    assert "13: the IP-Adapter ip-adapter_sd15.safetensors does not fit the model sd2.safetensors" in said


def test_a_vision_network_is_needed(models: Path):
    graph = seen(plain("sd1"), "ip-adapter_sd15.safetensors")
    del graph["13"]["inputs"]["clip_vision"]
    assert "connect a CLIPVisionLoader to IPAdapterAdvanced, or use IPAdapterUnifiedLoader" in failure(graph, models)


def test_files_that_are_not_there_are_named(models: Path, tmp_path: Path):
    (problem,) = problems(seen(plain("sd1"), "gone.safetensors"), models)
    assert "'gone.safetensors' is not in models/ipadapter; nearest: ip-adapter_sd15.safetensors" in problem.message
    (problem,) = problems(unified(plain("sd1"), "PLUS FACE (portraits)"), models)
    wanted = "ip-adapter-plus-face_sd15.safetensors (Stable Diffusion 1) or ip-adapter-plus-face_sdxl_vit-h.safetensors"
    assert f"models/ipadapter holds no {wanted} (Stable Diffusion XL), which is" in problem.message
    said = failure(unified(plain("sdxl"), "FULL FACE - SD1.5 only (portraits stronger)"), models)
    assert "there is no IP-Adapter of the preset 'FULL FACE - SD1.5 only (portraits stronger)' for" in said
    for folder in ("checkpoints", "ipadapter"):
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / folder).symlink_to(models / "models" / folder)
    said = failure(unified(plain("sd1"), "PLUS (high strength)"), tmp_path)
    assert "10: models/clip_vision holds no network that ip-adapter-plus_sd15.safetensors can read" in said


def test_a_half_downloaded_adapter_is_a_problem(models: Path):
    whole = (models / "models/ipadapter/ip-adapter_sd15.safetensors").read_bytes()
    (models / "models/ipadapter/half.safetensors").write_bytes(whole[: len(whole) // 2])
    (problem,) = problems(seen(plain("sd1"), "half.safetensors"), models)
    assert "half.safetensors is truncated" in problem.message
    whole = (models / "models/ipadapter/ip-adapter_sd15_light.bin").read_bytes()
    (models / "models/ipadapter/half.bin").write_bytes(whole[: len(whole) // 2])
    (problem,) = problems(seen(plain("sd1"), "half.bin"), models)
    assert "half.bin is truncated or damaged" in problem.message


def test_what_is_no_adapter_is_a_problem(models: Path):
    (models / "models/ipadapter/sd1.safetensors").write_bytes(
        (models / "models/checkpoints/sd1.safetensors").read_bytes()
    )
    (problem,) = problems(seen(plain("sd1"), "sd1.safetensors"), models)
    assert "sd1.safetensors is no IP-Adapter; it is a Stable Diffusion 1 model" in problem.message
    graph = plain("sd1")
    (models / "models/checkpoints/a.safetensors").symlink_to(models / "models/ipadapter/ip-adapter_sd15.safetensors")
    graph["1"]["inputs"]["ckpt_name"] = "a.safetensors"
    assert (
        "an IP-Adapter, not a Stable Diffusion model; load it with IPAdapter Model Loader"
        in problems(graph, models)[0].message
    )


def test_the_menu_holds_models_alone(models: Path, tmp_path: Path):
    (models / "models/ipadapter/README.md").write_text("read me")
    assert set(make_prompts.MAKERS) <= set(Files(models).names("ipadapter"))
    assert "README.md" not in Files(models).names("ipadapter")
    assert Files(tmp_path).names("ipadapter") == []
    elsewhere = Files(tmp_path, extra={"ipadapter": (models / "models/ipadapter",)})
    assert "ip-adapter_sd15.safetensors" in elsewhere.names("ipadapter")


def test_the_key_follows_the_files(models: Path, tmp_path: Path):
    (tmp_path / "models/ipadapter").mkdir(parents=True)
    files = Files(tmp_path)
    before = ip_adapters.preset_state(files, "x")
    made = make_prompts.write("ip-adapter_sd15.safetensors", tmp_path / "models/ipadapter")
    assert ip_adapters.preset_state(files, "x") != before
    assert made.name in str(ip_adapters.adapter_state(files, made.name))


def test_checks_need_no_torch(models: Path):
    code = (
        f"import sys; from executor.files import Files; from nodes import ip_adapters as n; f = Files('{models}'); "
        "from pathlib import Path; f = Files(Path(f.base)); "
        "assert n.adapter_facts(f, 'ip-adapter_sd15_light.bin'); n.preset_problem(f, 'PLUS (high strength)'); "
        "n.preset_state(f, 'x'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_workflow_that_people_share_has_no_problem(models: Path):
    graph = unified(plain("sd1"), "PLUS (high strength)")
    assert [p for p in check(read(graph), registry, Files(models))] == []


def test_a_prepared_picture_is_seen(models: Path):
    graph = seen(plain("sd1"), "ip-adapter_sd15.safetensors")
    prepared = {"interpolation": "LANCZOS", "crop_position": "top", "sharpening": 0.15}
    graph["20"] = node("PrepImageForClipVision", image=["11", 0], **prepared)
    graph["13"]["inputs"]["image"] = ["20", 0]
    assert torch.allclose(run(graph, models), run(seen(plain("sd1"), "ip-adapter_sd15.safetensors"), models), atol=1e-2)
