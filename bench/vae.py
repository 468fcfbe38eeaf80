"""The VAE and the text network against diffusers' and transformers' on the same weights: `python bench/vae.py`.

By default the starter's sizes; `--full` adds SD 1.5's (3 GB of memory, a minute).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from bench.unet import best
from diffusion import layouts
from diffusion.clip import ClipConfig, ClipText
from diffusion.placement import Resident, for_coder
from diffusion.settings import Settings, use
from diffusion.tokenizer import END, START
from diffusion.vae import Autoencoder, VaeConfig

STARTER = VaeConfig((64, 96, 128, 192), (64, 96, 128, 192), 1, 2, 4, 4, quant=True)
SD1 = VaeConfig((128, 256, 512, 512), (128, 256, 512, 512), 2, 3, 4, 4, quant=True)
STARTER_TEXT = ClipConfig(128, 2, 8, 512, 77, 49408, quick=True, projection=None)
SD1_TEXT = ClipConfig(768, 12, 12, 3072, 77, 49408, quick=True, projection=None)
Row = dict[str, float | str]


def their_vae(config: VaeConfig, ours: Autoencoder) -> Any:
    make: Any = AutoencoderKL
    his = make(
        block_out_channels=config.encoder,
        layers_per_block=config.encoder_blocks,
        latent_channels=config.latent,
        down_block_types=["DownEncoderBlock2D"] * len(config.encoder),
        up_block_types=["UpDecoderBlock2D"] * len(config.encoder),
    )
    names = layouts.vae_names({name: tuple(t.shape) for name, t in his.state_dict().items()})
    state = ours.state_dict()
    his.load_state_dict({n: state[our].view_as(his.get_parameter(n)).clone() for n, our in names.items()})
    return his.eval().requires_grad_(False)


def their_text(config: ClipConfig, ours: ClipText) -> Any:
    his = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=config.width, intermediate_size=config.hidden, num_hidden_layers=config.layers,
            num_attention_heads=config.heads, hidden_act="quick_gelu", bos_token_id=START, eos_token_id=END,
        )
    )  # fmt: skip
    old = any(name.startswith("text_model.") for name in his.state_dict())
    names = {name if old else name.removeprefix("text_model."): t.clone() for name, t in ours.state_dict().items()}
    his.load_state_dict(names)
    return his.eval().requires_grad_(False)


def placed(module: nn.Module) -> Resident:
    return Resident(module.eval().requires_grad_(False), for_coder())


def compare(what: str, width: int, ours: Callable[[], Tensor], his: Callable[[], Tensor], repeats: int) -> Row:
    want = his()
    error = float((ours() - want).norm() / want.norm())
    seconds, reference_seconds = best((ours, his), repeats)
    return {
        "what": what,
        "width": width,
        "seconds": seconds,
        "reference_seconds": reference_seconds,
        "ratio": seconds / reference_seconds,
        "relative_error": error,
    }


@torch.no_grad()
def coders(config: VaeConfig, size: int, repeats: int) -> list[Row]:
    network = Autoencoder(config)
    his, ours = their_vae(config, network), placed(network)
    latent, image = torch.randn(1, config.latent, size, size), torch.rand(1, 3, size * 8, size * 8) * 2 - 1
    width = config.decoder[0]
    return [
        compare("decode", width, lambda: ours.call("decode", latent), lambda: his.decode(latent).sample, repeats),
        compare(
            "encode", width, lambda: ours.call("encode", image), lambda: his.encode(image).latent_dist.mean, repeats
        ),
    ]


@torch.no_grad()
def text(config: ClipConfig, repeats: int) -> Row:
    network = ClipText(config)
    his, ours = their_text(config, network), placed(network)
    tokens = torch.randint(0, START, (2, 77))
    tokens[:, 20:] = END
    nothing, how = torch.empty(0, config.width), {"layer": config.layers, "norm": True, "project": False}
    return compare(
        "text",
        config.width,
        lambda: ours(tokens, tokens < 0, nothing, **how)[0],
        lambda: his(tokens).last_hidden_state,
        repeats,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="SD 1.5's sizes as well")
    options = parser.parse_args()
    use(Settings("fp32", "cpu"))
    torch.manual_seed(0)
    rows = [*coders(STARTER, 16, 10), text(STARTER_TEXT, 30)]
    rows += [*coders(SD1, 32, 2), text(SD1_TEXT, 5)] if options.full else []
    print(f"{'':8} {'width':>6} {'ours':>9} {'reference':>10} {'ratio':>6} {'error':>9}")
    for row in rows:
        print(
            f"{row['what']:8} {row['width']:>6} {row['seconds']:>8.3f}s "
            f"{row['reference_seconds']:>9.3f}s {row['ratio']:>6.2f} {row['relative_error']:>9.1e}"
        )
    print(json.dumps({"bench": "vae", "threads": torch.get_num_threads(), "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
