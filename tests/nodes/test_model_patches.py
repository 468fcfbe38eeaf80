"""Patched models run in graphs, on the starter; patches stack, and the plain model stays as it was."""

from typing import Any

import pytest
import torch

import nodes
from diffusion import checkpoint, settings
from executor.node import registry, results
from tests.diffusion.conftest import STARTER

MODEL_PATCHES: dict[str, dict[str, Any]] = {
    "FreeU": {},
    "FreeU_V2": {},
    "PatchModelAddDownscale": {"downscale_method": "bicubic", "upscale_method": "bicubic", "block_number": 1},
    "HyperTile": {"tile_size": 1, "max_depth": 3},
    "PerturbedAttentionGuidance": {},
    "SelfAttentionGuidance": {},
    "UNetSelfAttentionMultiply": {"q": 2.0},
    "UNetCrossAttentionMultiply": {"out": 0.0},
    "RescaleCFG": {},
    "RenormCFG": {},
    "CFGZeroStar": {},
    "CFGNorm": {},
    "TCFG": {},
    "Mahiro": {},
    "APG": {},
    "Epsilon Scaling": {"scaling_factor": 1.2},
    "FreSca": {"freq_cutoff": 2},
    "VideoLinearCFGGuidance": {},
    "VideoTriangleCFGGuidance": {},
}
NEEDS_BATCH = ("VideoLinearCFGGuidance", "VideoTriangleCFGGuidance")


def call(name: str, **inputs: Any) -> Any:
    return results(registry[name], registry[name].function(**inputs))[0]


@pytest.fixture(scope="module")
def loaded() -> Any:
    assert nodes.__name__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "_current", settings.Settings("fp32", "cpu"))
        model, clip, _ = checkpoint.load(STARTER)
    return model, clip, [clip.encode("a sunflower")], [clip.encode("")]


def sampled(loaded: Any, model: Any, batch: int = 1) -> torch.Tensor:
    _, _, positive, negative = loaded
    latent = {"samples": torch.zeros(batch, 4, 16, 16)}
    inputs = {"seed": 1, "steps": 3, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal", "latent_image": latent}
    return call("KSampler", model=model, positive=positive, negative=negative, **inputs)["samples"]


@pytest.mark.parametrize("name", MODEL_PATCHES)
def test_a_patched_model_makes_another_picture(loaded: Any, name: str):
    batch = 2 if name in NEEDS_BATCH else 1
    plain = sampled(loaded, loaded[0], batch)
    patched = sampled(loaded, call(name, model=loaded[0], **MODEL_PATCHES[name]), batch)
    assert patched.isfinite().all()
    assert not torch.equal(patched, plain)
    assert torch.equal(sampled(loaded, loaded[0], batch), plain)


def test_patches_stack(loaded: Any):
    model = loaded[0]
    for name in ("FreeU", "TomePatchModel", "PerturbedAttentionGuidance", "RescaleCFG", "APG"):
        model = call(name, model=model, **MODEL_PATCHES.get(name, {}))
    assert len(model.network_patches) == 2
    assert len(model.guidance) == 3
    assert sampled(loaded, model).isfinite().all()


def test_the_text_encoder_too(loaded: Any):
    _, clip, positive, _ = loaded
    multiplied = call("CLIPAttentionMultiply", clip=clip, v=0.5)
    other, same = multiplied.encode("a sunflower")[0], call("CLIPAttentionMultiply", clip=clip).encode("a sunflower")[0]
    assert not torch.allclose(other, positive[0][0], atol=1e-3)
    assert torch.equal(same, positive[0][0])


def test_operations_on_latents_guide_too(loaded: Any):
    operation = call("LatentOperationSharpen", sharpen_radius=2, sigma=1.0, alpha=0.5)
    model = call("LatentApplyOperationCFG", model=loaded[0], operation=operation)
    assert not torch.allclose(sampled(loaded, model), sampled(loaded, loaded[0]), atol=1e-3)


def test_perp_neg_is_the_guider(loaded: Any):
    model, _, positive, negative = loaded
    patched = call("PerpNeg", model=model, empty_conditioning=negative, neg_scale=0.5)
    guider = call(
        "PerpNegGuider", model=model, positive=positive, negative=negative, empty_conditioning=negative, cfg=4.0,
        neg_scale=0.5,
    )  # fmt: skip
    sigmas = call("BasicScheduler", model=model, scheduler="normal", steps=3, denoise=1.0)
    noise, sampler = call("RandomNoise", noise_seed=1), call("KSamplerSelect", sampler_name="euler")
    latent = {"samples": torch.zeros(1, 4, 16, 16)}
    inputs = {"noise": noise, "guider": guider, "sampler": sampler, "sigmas": sigmas, "latent_image": latent}
    torch.testing.assert_close(
        sampled(loaded, patched), call("SamplerCustomAdvanced", **inputs)["samples"], atol=1e-4, rtol=1e-4
    )


def test_differential_diffusion_changes_dark_places_less(loaded: Any):
    model, _, positive, negative = loaded
    clean = sampled(loaded, model)
    mask = torch.linspace(0, 1, 16).expand(1, 1, 16, 16)
    patched = call("DifferentialDiffusion", model=model)
    latent = {"samples": clean, "noise_mask": mask}
    inputs = {"seed": 5, "steps": 8, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal", "latent_image": latent}
    got = call("KSampler", model=patched, positive=positive, negative=negative, **inputs)["samples"]
    change = (got - clean).abs().mean((0, 1, 2))  # by column
    assert change[0] < 0.1 * change[-1]  # black is free in the last step alone, at the lowest sigma
    assert change[:5].mean() < change[5:11].mean() < change[11:].mean()
