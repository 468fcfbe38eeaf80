"""Adapters as files in the layout of kohya's scripts, which A1111, diffusers and most other tools read.

Names of layers are those of diffusers with `_` for `.`, after `lora_unet_` and `lora_te_`; of SD XL those of its own
checkpoints, and `lora_te1_` and `lora_te2_`. Parts are named as LyCORIS names them where the adapter is no LoRA.
What a file says of its training is `ss_...` (kohya's) and `modelspec....` (Stability's ModelSpec 1.0.0).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

import safetensors.torch
import torch
from torch import Tensor

from diffusion import detect
from diffusion.adapters import files, names
from diffusion.header import Shapes
from diffusion.tensor_files import TensorFile, stored

MODULES = {"LoRA": "networks.lora", "LoHa": "lycoris.kohya", "LoKr": "lycoris.kohya", "OFT": "lycoris.kohya"}
"""Of kohya's scripts, which read an adapter of each algorithm."""
LYCORIS = {"LoHa": "loha", "LoKr": "lokr", "OFT": "diag-oft"}
BASES = {
    "SD1": ("sd_v1", "stable-diffusion-v1"),
    "SD2": ("sd_v2", "stable-diffusion-v2-512"),
    "SD2 v": ("sd_v2_v", "stable-diffusion-v2-768-v"),
    "SDXL": ("sdxl_base_v1-0", "stable-diffusion-xl-v1-base"),
}
"""What kohya's scripts and ModelSpec call the families; the refiner has no name there."""
PREDICTIONS = {"eps": "epsilon", "v": "v"}
TEXT_NUMBERS = {"clip_l": "1", "clip_g": "2"}
"""Of the text networks of SD XL."""
LEGACY = slice(0x100000, 0x110000)  # what A1111's oldest hash looks at


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is known of a training. What is None or empty is not written; only what is true should be given."""

    name: str = ""  # of the file, without its ending
    algorithm: str = ""  # a key of `adapters.ALGORITHMS`; empty for no adapter
    rank: int | None = None  # not of OFT, which has none
    alpha: float | None = None  # as given; None: the rank
    convolution_rank: int | None = None  # None: no convolution learnt
    convolution_alpha: float | None = None  # None: `alpha`, or the rank
    prediction: str = ""  # of the model: eps or v
    model: str = ""  # its file's name
    learning_rate: float | None = None
    steps: int | None = None  # done
    max_steps: int | None = None
    seed: int | None = None
    images: int | None = None  # as often as each came in an epoch
    prior_images: int | None = None
    batch_size: int | None = None
    size: tuple[int, int] | None = None  # width and height, pixels
    started: float | None = None  # seconds since 1970
    finished: float | None = None
    tags: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """folder -> tag -> how many captions have it, as `tag_counts` counts them"""
    trigger: str = ""  # the word of the new subject
    more: Mapping[str, object] = field(default_factory=dict[str, object])  # by the names in the file


NAMES = {
    "name": "ss_output_name", "rank": "ss_network_dim", "alpha": "ss_network_alpha", "model": "ss_sd_model_name",
    "learning_rate": "ss_learning_rate", "steps": "ss_steps", "max_steps": "ss_max_train_steps", "seed": "ss_seed",
    "images": "ss_num_train_images", "prior_images": "ss_num_reg_images", "batch_size": "ss_total_batch_size",
    "size": "ss_resolution", "started": "ss_training_started_at", "finished": "ss_training_finished_at",
}  # fmt: skip
"""What is written as it is, and its name."""


def tag_counts(captions: Iterable[str]) -> dict[str, int]:
    """How many captions have each tag: what stands between commas, in lower case. The most frequent first."""
    tags = (tag.strip().lower() for caption in captions for tag in caption.split(","))
    return dict(Counter(tag for tag in tags if tag).most_common())


def adapter_file(
    tensors: Mapping[str, Tensor], shapes: Shapes, told: Told, dtype: torch.dtype | None = None
) -> TensorFile:
    """The contents of an adapter's file.

    tensors: by the names that `Adapters.tensors` gives, of several networks together. shapes: of the UNet's weights, by
    our names. dtype: in which it is kept; None: as it is. Raises ValueError if a value is no number any more.
    """
    stored_as = {name: _kept(name, tensor, dtype) for name, tensor in kohya(tensors, shapes).items()}
    return hashed_file(stored_as, metadata(told, shapes))


def _kept(name: str, tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    kept = tensor.detach().cpu().to(dtype if dtype and not name.endswith(".alpha") else tensor.dtype)
    if not kept.isfinite().all():
        raise ValueError(f"{name} has values that are no numbers, so the adapter is not written; keep an earlier one")
    return kept.contiguous()


def hashed_file(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> TensorFile:
    """Tensors and metadata as they are, and the hashes of both."""
    return TensorFile({n: stored(t) for n, t in tensors.items()}, {**texts, **hashes(tensors, texts)})


# --- names ---------------------------------------------------------------------------------------


def kohya(tensors: Mapping[str, Tensor], shapes: Shapes) -> dict[str, Tensor]:
    """The same tensors by the names that kohya's scripts give them. Raises ValueError for a layer that is not known."""
    xl = _base(shapes, "").startswith("sdxl")
    unet = {name.rpartition(".")[0] for name in shapes}
    theirs = {} if xl else _diffusers(shapes)
    found, other = files.layers(tensors)
    renamed: dict[str, Tensor] = {}
    for layer, parts in found.items():
        network, encoder, _, inner = (*layer.split(".", 3), "", "", "")[:4]
        ours = layer.removeprefix("diffusion_model.")
        if network == "text_encoders" and inner:
            number = TEXT_NUMBERS.get(encoder, "") if xl or encoder == "clip_g" else ""  # the refiner's is XL's second
            name = f"lora_te{number}_{names.flat(inner)}"
        elif ours != layer and ours in unet:
            name = f"lora_unet_{theirs.get(ours, names.flat(ours))}"
        else:
            other.append(layer)
            continue
        renamed |= {f"{name}{full.removeprefix(layer)}": tensors[full] for full in parts.values()}
    if other:
        raise ValueError(f"{other[0]} is no layer of the model that the adapter was trained for")
    return renamed


def _diffusers(shapes: Shapes) -> dict[str, str]:
    """Our names of a UNet's layers -> those of diffusers with `_` for `.`; where there are several, the longest."""
    found: dict[str, str] = {}
    for theirs, ours in names.unet_layers(shapes).items():
        if theirs != names.flat(ours) and len(theirs) > len(found.get(ours, "")):
            found[ours] = theirs
    return found


# --- what is told --------------------------------------------------------------------------------


def metadata(told: Told, shapes: Shapes, kind: str = "lora") -> dict[str, str]:
    """kind: `lora`, or `textual-inversion`."""
    ss = {name: value for attribute, name in NAMES.items() if (value := getattr(told, attribute)) not in (None, "")}
    ss |= _network(told) if told.algorithm else {}
    if told.alpha is None and told.rank is not None:
        ss["ss_network_alpha"] = float(told.rank)
    base = _base(shapes, told.prediction)
    ss |= {"ss_base_model_version": base, "ss_v2": base.startswith("sd_v2")} if base else {}
    ss |= {"ss_tag_frequency": json.dumps(told.tags, ensure_ascii=False)} if told.tags else {}
    texts = {name: str(value) for name, value in (ss | dict(told.more)).items()}
    return texts | _modelspec(told, base, kind)


def _network(told: Told) -> dict[str, object]:
    rank, alpha = told.convolution_rank, told.convolution_alpha or told.alpha
    sizes = {"conv_dim": rank, "conv_alpha": float(rank) if rank and alpha is None else alpha} if rank else {}
    args = {"algo": LYCORIS.get(told.algorithm), **sizes}
    given = {name: str(value) for name, value in args.items() if value is not None}
    found: dict[str, object] = {"ss_network_module": MODULES[told.algorithm]}
    return found | ({"ss_network_args": json.dumps(given)} if given else {})


def _modelspec(told: Told, base: str, kind: str) -> dict[str, str]:
    """Stability AI's ModelSpec 1.0.0 (github.com/Stability-AI/ModelSpec)."""
    architecture = next((name for version, name in BASES.values() if version == base), "")
    if not architecture:
        return {}
    layout = "diffusers" if kind == "lora" and not base.startswith("sdxl") else STABILITY
    when = datetime.fromtimestamp(told.finished, timezone.utc) if told.finished else None
    spec = {
        "sai_model_spec": "1.0.0",
        "architecture": f"{architecture}/{kind}",
        "implementation": layout,
        "title": told.name,
        "date": when.strftime("%Y-%m-%dT%H:%M:%S") if when else "",
        "resolution": "{}x{}".format(*told.size) if told.size else "",
        "prediction_type": PREDICTIONS.get(told.prediction, ""),
        "trigger_phrase": told.trigger,
    }
    return {f"modelspec.{name}": value for name, value in spec.items() if value}


STABILITY = "https://github.com/Stability-AI/generative-models"


def _base(shapes: Shapes, prediction: str) -> str:
    """What kohya's scripts call a model's family; empty where they have no name."""
    family = detect.family_of(shapes)
    base = family.base if family else ""
    return BASES.get(f"{base} {prediction}", BASES.get(base, ("", "")))[0]


def hashes(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> dict[str, str]:
    """The hashes by which A1111 knows an adapter, whatever its title: of its tensors alone, and the one of old, of
    a part of the file as it is with kohya's metadata alone."""
    data = safetensors.torch.save(dict(tensors), {n: t for n, t in texts.items() if n.startswith("ss_")})
    start = 8 + int.from_bytes(data[:8], "little")
    whole = hashlib.sha256(memoryview(data)[start:]).hexdigest()
    return {"sshs_model_hash": whole, "sshs_legacy_hash": hashlib.sha256(data[LEGACY]).hexdigest()[:8]}
