"""The training of a ControlNet: where it begins, diffusers' gradients, and its file in other hands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from safetensors.torch import load_file
from torch import Tensor

from diffusion import canny, settings
from diffusion.control import files, load
from diffusion.control.handle import NetControl
from diffusion.prediction import discrete
from diffusion.training.control import Controlled, edges, file, new
from diffusion.training.objective import Question, loss
from diffusion.unet import UNet
from tests.diffusion.test_unet import error, narrow

TIMES = torch.tensor([3, 731])


@pytest.fixture(autouse=True)
def in_fp32() -> None:
    settings.use(settings.Settings("fp32", "cpu"))


def inputs() -> dict[str, Tensor]:
    torch.manual_seed(2)
    shapes = {"x0": (2, 4, 8, 8), "noise": (2, 4, 8, 8), "context": (2, 9, 24)}
    return {name: torch.randn(shape) for name, shape in shapes.items()} | {"hint": torch.rand(2, 3, 64, 64).round()}


def test_it_begins_with_what_the_unet_says_alone():
    unet, _ = narrow("SD 1")
    whole, i = Controlled(unet, new(unet, 1)), inputs()
    with torch.no_grad():
        t = TIMES.float()
        assert torch.equal(whole(i["x0"], t, i["context"], hint=i["hint"][:, :1]), unet(i["x0"], t, i["context"]))
    own, control = unet.state_dict(), whole.control.state_dict()
    assert all(torch.equal(control[name], own[name]) for name in control if name in own)
    assert {name.split(".")[0] for name in control if name not in own} == {
        "input_hint_block", "zero_convs", "middle_block_out"
    }  # fmt: skip
    learns = {name.split(".")[0] for name, p in whole.named_parameters() if p.requires_grad}
    assert learns == {"control"}


def test_a_seed_means_one_control():
    unet, _ = narrow("SD 1")
    one, same, other = (new(unet, seed).state_dict()["input_hint_block.0.weight"] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def woken(control: Any) -> None:
    """Zeros become small numbers, so that every weight has a gradient."""
    torch.manual_seed(4)
    with torch.no_grad():
        for parameter in control.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)


def test_gradients_are_those_of_a_training_step_with_diffusers():
    ours, his_unet = narrow("SD 1")
    his_unet.requires_grad_(False)
    whole, i = Controlled(ours, new(ours, 1)), inputs()
    woken(whole.control)
    his = ControlNetModel.from_unet(his_unet)  # type: ignore[arg-type]
    state = whole.control.state_dict()
    names = files.controlnet_names({name: tuple(t.shape) for name, t in his.state_dict().items()})
    his.load_state_dict({theirs: state[mine] for theirs, mine in names.items()})

    schedule: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    x = schedule.add_noise(i["x0"], i["noise"], TIMES)
    added: Any = his(x, TIMES, i["context"], i["hint"])
    answer: Any = his_unet(
        x,
        TIMES,
        i["context"],
        down_block_additional_residuals=added.down_block_res_samples,
        mid_block_additional_residual=added.mid_block_res_sample,
    )
    torch.nn.functional.mse_loss(answer.sample, i["noise"]).backward()

    prediction = discrete("eps")
    asked = Question(i["x0"], i["noise"], prediction.sigmas[TIMES])
    loss(whole, prediction, asked, {"context": i["context"], "hint": i["hint"]}).backward()

    mine = dict(whole.control.named_parameters())
    pairs = [(mine[names[name]].grad, p.grad) for name, p in his.named_parameters()]
    assert len(pairs) == len(mine)
    worst = max(error(a, b) for a, b in pairs if a is not None and b is not None and b.norm() > 1e-6)
    assert worst < 1e-4
    assert all(p.grad is None for p in ours.parameters())


def test_the_file_is_read_by_the_loader_and_by_diffusers(tmp_path: Path):
    unet, his_unet = narrow("SD 1")
    control = new(unet, 1)
    woken(control)
    with torch.no_grad():
        for parameter in control.parameters():
            parameter.copy_(parameter.half())
    path = tmp_path / "edges.safetensors"
    path.write_bytes(b"".join(file(control, {"steps": "3"}).in_type(torch.float16)))
    tensors = load_file(path)
    assert all(t.dtype is torch.float16 for t in tensors.values())

    i, t = inputs(), TIMES.float()
    with torch.no_grad():
        want = control(i["x0"], t, i["context"], guide=control.guide(i["hint"]))
        loaded = load.load(path)
        assert isinstance(loaded, NetControl)
        got = loaded.add(loaded.look(i["hint"], 8, 8), i["x0"], t, {"context": i["context"]})
        assert got.middle is not None
        assert error(got.middle, want[-1]) < 1e-5

        his = ControlNetModel.from_unet(his_unet)  # type: ignore[arg-type]
        config = dict(his.config) | {"layers_per_block": 2}
        his.load_state_dict({n: t.float() for n, t in convert_controlnet_checkpoint(tensors, config).items()})
        theirs: Any = his(i["x0"], TIMES, i["context"], i["hint"])
        assert error(theirs.mid_block_res_sample, want[-1]) < 1e-5
        for a, b in zip(theirs.down_block_res_samples, want[:-1], strict=True):
            assert error(a, b) < 1e-5


def test_edges_are_those_of_the_node():
    picture = torch.zeros(1, 32, 48, 3)
    picture[:, 8:24, 12:36] = 1
    found = edges(picture)
    assert found.shape == (1, 1, 32, 48)
    assert found.dtype is torch.uint8
    assert torch.equal(found[:, 0].float(), canny.edges(picture, 0.4, 0.8))
    assert 50 < found.sum() < 120


def test_a_unet_that_sees_more_than_its_latent_is_refused():
    unet, _ = narrow("SD 1")
    blocks = unet.config.input_blocks
    first = replace(blocks[0][0], channels=9)
    with torch.device("meta"):
        wide = UNet(replace(unet.config, input_blocks=((first,), *blocks[1:])))
    with pytest.raises(ValueError, match="takes in 9 channels and gives 4, as for inpainting"):
        new(wide, 1)
