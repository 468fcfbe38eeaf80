"""Small random IP-Adapters that fit the models of `make_models`: `python tests/make_prompts.py DIR`.

Each is in the layout that its published files have; the vision network that they read is that of `make_controls`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

if not __package__:  # run as a script, whose own folder holds other packages named `diffusion` and `nodes`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from diffusion.unet import UNet
from diffusion.unet_config import UNetConfig
from diffusion.vision.ip_attention import attentions
from tests.make_models import WIDTH, G, L, sd1_config, xl_config
from tests.random_models import normal

Tensors = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]

SEEN = WIDTH  # of the vision network, its embeddings and its states


def drawn(shapes: Shapes) -> Tensors:
    return {n: (normal(n, s) * (s[-1] ** -0.5 if len(s) > 1 else 0.3)).half() for n, s in shapes.items()}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def linear(name: str, inner: int, out: int) -> Shapes:
    return {f"{name}.weight": (out, inner), f"{name}.bias": (out,)}


def plain(context: int) -> Shapes:
    return {**linear("proj", SEEN, 4 * context), **norm("norm", context)}


def full(context: int) -> Shapes:
    return {**linear("proj.0", SEEN, SEEN), **linear("proj.2", SEEN, context), **norm("proj.3", context)}


def plus(context: int, width: int = 64) -> Shapes:
    shapes: Shapes = {"latents": (1, 16, width), **linear("proj_in", SEEN, width), **linear("proj_out", width, context)}
    shapes |= norm("norm_out", context)
    for i in range(4):
        at = f"layers.{i}"
        shapes |= {**norm(f"{at}.0.norm1", width), **norm(f"{at}.0.norm2", width), **norm(f"{at}.1.0", width)}
        shapes |= {f"{at}.0.to_q.weight": (width, width), f"{at}.0.to_kv.weight": (2 * width, width)}
        shapes |= {f"{at}.0.to_out.weight": (width, width)}
        shapes |= {f"{at}.1.1.weight": (4 * width, width), f"{at}.1.3.weight": (width, 4 * width)}
    return shapes


def adapter(config: UNetConfig, projection: Callable[[int], Shapes]) -> dict[str, Tensors]:
    """The two tables of a file. Attentions are counted with those of the picture to itself, which have no weights."""
    with torch.device("meta"):
        blocks = [block.attn2 for _, _, layer in attentions(UNet(config)) for block in layer]
    context = config.context_dim
    layers = {
        f"{2 * i + 1}.to_{x}_ip.weight": (a.to_q.weight.shape[0], context) for i, a in enumerate(blocks) for x in "kv"
    }
    return {"image_proj": drawn(projection(context)), "ip_adapter": drawn(layers)}


MAKERS: dict[str, Callable[[], dict[str, Tensors]]] = {
    "ip-adapter_sd15.safetensors": lambda: adapter(sd1_config(), plain),
    "ip-adapter_sd15_light.bin": lambda: adapter(sd1_config(), plain),
    "ip-adapter-plus_sd15.safetensors": lambda: adapter(sd1_config(), plus),
    "ip-adapter-full-face_sd15.bin": lambda: adapter(sd1_config(), full),
    "ip-adapter_sdxl_vit-h.safetensors": lambda: adapter(xl_config(), plain),
    "ip-adapter-plus_sdxl_vit-h.safetensors": lambda: adapter(xl_config(), plus),
}
"""By the name of the published file."""
assert {sd1_config().context_dim, xl_config().context_dim} == {L, L + G}


def write(name: str, folder: Path) -> Path:
    """The file in `folder`, made if it is not there."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tables = MAKERS[name]()
        if path.suffix == ".bin":
            torch.save(tables, path)
        else:
            save_file({f"{table}.{n}": t for table, tensors in tables.items() for n, t in tensors.items()}, path)
    return path


if __name__ == "__main__":
    for made in MAKERS:
        print(write(made, Path(sys.argv[1])))
