"""What is to be trained, as a TOML file says it: sections of plain values, each checked where it is read.

[model]     what is trained, and from which weights
[data]      the pictures and their captions
[training]  how the weights change
[objective] what a denoiser is asked
[adapter], [vae], [network]  of those kinds of training
[samples]   pictures that show how far it is
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from executor.nearest import nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

KINDS = ("denoiser", "vae", "lora", "embedding", "control", "preview")
Kind = Literal["denoiser", "vae", "lora", "embedding", "control", "preview"]


class ConfigError(ValueError):
    """The file, the section and the name, what is wrong, and what to do."""


@dataclass(frozen=True, kw_only=True)
class ModelPart:
    kind: Kind
    base: str = ""  # a checkpoint of models/checkpoints; empty = new weights, of the shape that [network] tells
    vae: str = ""  # a file of models/vae, in place of the base's; "pixels" = a new denoiser works on pictures
    save: str  # the file to be written, such as models/loras/owl.safetensors
    stored: Literal["fp16", "bf16", "fp32", "fp8"] = "fp16"  # in which a denoiser, VAE or ControlNet is kept
    network: Literal["base", "new"] = "base"  # of a denoiser with a base: "new" = only its texts and latents are used
    text: Literal["frozen", "train"] = "frozen"  # the text encoders of a denoiser or a LoRA
    prediction: Literal["", "eps", "v", "flow"] = ""  # empty = as the base
    inpainting: bool = False  # the denoiser sees a mask and the picture without what is under it


@dataclass(frozen=True, kw_only=True)
class DataPart:
    folder: str
    most: int = 0  # pictures, from all over the folder; 0 = all
    size: int = 512  # pixels: the area of a picture is about size x size
    captions: Literal["auto", "txt", "json", "table", "name", "none"] = "auto"
    trigger: str = ""  # a word put before every caption
    buckets: bool = True  # pictures keep about their shape; else all are squares
    crop: Literal["centre", "random"] = "centre"
    flip: bool = False  # mirrored half the time
    cache: str = "cache/training"  # latents and text features are kept here
    prior: str = ""  # a folder of other pictures of the same class, which keep what the model knew (DreamBooth)
    variants: int = 1  # crops of each picture that are cached, where crops or masks are random


@dataclass(frozen=True, kw_only=True)
class TrainingPart:
    steps: int
    batch_size: int = 1
    accumulation: int = 1
    learning_rate: float = 1e-4
    text_rate: float = 1.0  # the text encoders', as a part of learning_rate
    optimizer: Literal["AdamW", "Adam", "SGD", "RMSprop", "AdamW8bit", "Muon"] = "AdamW"
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: int = 0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    last: float = 0.0  # the rate at the end, as a part of learning_rate
    clip: float = 1.0
    ema: float = 0.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    checkpointing: bool = False
    threads: int = 1  # pieces that a batch is cut into on a CPU
    seed: int = 0
    save_minutes: float = 5.0  # between states from which it can go on; each takes the place of the one before
    keep_every: int = 0  # steps after which a state is kept for good, in states/; 0 = never
    tensorboard: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectivePart:
    loss: Literal["MSE", "L1", "Huber", "SmoothL1"] = "MSE"
    min_snr: float = 0.0
    offset_noise: float = 0.0
    levels: tuple[float, float] = (0.0, 1.0)
    caption_dropout: float = 0.0
    prior_weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class AdapterPart:
    algorithm: Literal["LoRA", "LoHa", "LoKr", "OFT"] = "LoRA"
    rank: int = 8
    alpha: float = 0.0  # 0 = the rank
    convolution: int = 0  # the rank of 3 x 3 convolutions; 0 = they stay
    placeholder: str = ""  # of an embedding: the word that is taught
    begin: str = ""  # of an embedding: words whose meaning it begins with
    vectors: int = 1


@dataclass(frozen=True, kw_only=True)
class VaePart:
    l1: float = 1.0
    mse: float = 1.0
    scales: int = 3
    kl: float = 1e-6
    adversarial: float = 0.0
    crop: int = 0  # pixels of square pieces that are learnt from; 0 = whole pictures
    scale: float = 0.18215  # what standard code multiplies latents by
    encoder: bool = True  # whether it learns too, or the decoder alone


@dataclass(frozen=True, kw_only=True)
class NetworkPart:
    """New networks, in the layout of Stable Diffusion 1."""

    channels: int = 64
    multipliers: tuple[int, ...] = (1, 2, 2, 2)
    blocks: int = 2
    attention: tuple[int, ...] = (0, 1, 2)  # levels that have it
    heads: int = 8
    context: int = 128
    text_layers: int = 2
    vae_channels: tuple[int, ...] = (64, 64, 128, 128)
    vae_blocks: int = 1


@dataclass(frozen=True, kw_only=True)
class SamplesPart:
    prompts: tuple[str, ...] = ()
    every: int = 0  # steps; 0 = at the end alone
    steps: int = 20
    cfg: float = 4.0
    sampler: str = "euler"
    scheduler: str = "normal"
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Config:
    model: ModelPart
    data: DataPart
    training: TrainingPart
    objective: ObjectivePart = field(default_factory=ObjectivePart)
    adapter: AdapterPart = field(default_factory=AdapterPart)
    vae: VaePart = field(default_factory=VaePart)
    network: NetworkPart = field(default_factory=NetworkPart)
    samples: SamplesPart = field(default_factory=SamplesPart)


def read(path: Path) -> Config:
    """Raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None
    config = _section(Config, table, f"{path}: ")
    _check(config, path)
    return config


def _section(kind: Any, table: Mapping[str, Any], at: str) -> Any:
    hints, known = get_type_hints(kind), {f.name: f for f in fields(kind)}
    for name in table:
        if name not in known:
            raise ConfigError(f"{at}{name} is not known{nearest(name, list(known))}")
    given = {name: _value(hints[name], value, f"{at}{name}") for name, value in table.items()}
    try:
        return kind(**given)
    except TypeError:
        missing = [n for n, f in known.items() if n not in table and _required(f)]
        raise ConfigError(f"{at}{missing[0]} is missing") from None


def _required(f: Any) -> bool:
    from dataclasses import MISSING

    return f.default is MISSING and f.default_factory is MISSING


def _value(hint: Any, value: Any, at: str) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            choices = [str(choice) for choice in get_args(hint) if choice]
            raise ConfigError(f"{at} is {value!r}; it may be {', '.join(choices)}")
        return value
    if get_origin(hint) is tuple:
        return _tuple(hint, value, at)
    if hasattr(hint, "__dataclass_fields__"):
        if not isinstance(value, dict):
            raise ConfigError(f"{at} is {value!r}, not a section: write [{at.rpartition(' ')[2]}]")
        return _section(hint, value, f"{at}.")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint or isinstance(hint, UnionType):
        raise ConfigError(f"{at} is {value!r}; it should be {NAMES[hint]}")
    return value


NAMES = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}


def _tuple(hint: Any, value: Any, at: str) -> tuple[Any, ...]:
    inner = [h for h in get_args(hint) if h is not ...]
    if not isinstance(value, list) or (... not in get_args(hint) and len(value) != len(inner)):
        count = f"{len(inner)} " if ... not in get_args(hint) else ""
        raise ConfigError(f"{at} is {value!r}; it should be a list of {count}values")
    return tuple(_value(inner[i % len(inner)], v, f"{at}[{i}]") for i, v in enumerate(value))


# --- what values may be --------------------------------------------------------------------------

LEAST = {
    "data.most": 0,
    "data.size": 8, "data.variants": 1, "training.steps": 1, "training.batch_size": 1, "training.accumulation": 1,
    "training.learning_rate": 0, "training.text_rate": 0, "training.weight_decay": 0, "training.warmup": 0,
    "training.clip": 0, "training.threads": 1, "training.save_minutes": 0, "training.keep_every": 0,
    "objective.min_snr": 0, "objective.offset_noise": 0, "objective.prior_weight": 0, "adapter.rank": 1,
    "adapter.alpha": 0, "adapter.convolution": 0, "adapter.vectors": 1, "vae.kl": 0, "vae.mse": 0, "vae.scales": 0,
    "vae.adversarial": 0, "vae.crop": 0, "samples.every": 0, "samples.steps": 1, "samples.cfg": 0,
}  # fmt: skip
PARTS = ("training.ema", "training.last", "objective.caption_dropout")
"""Numbers of 0..1."""


def _check(config: Config, path: Path) -> None:
    for name, least in LEAST.items():
        if (value := _at(config, name)) < least:
            raise ConfigError(f"{path}: {name} is {value}; it should be at least {least}")
    for name in PARTS:
        if not 0 <= (value := _at(config, name)) <= 1:
            raise ConfigError(f"{path}: {name} is {value}; it should be between 0 and 1")
    first, last = config.objective.levels
    if not 0 <= first < last <= 1:
        raise ConfigError(f"{path}: objective.levels is [{first}, {last}]; it should rise, within 0 and 1")
    if not config.model.save.endswith(".safetensors"):
        raise ConfigError(f"{path}: model.save is {config.model.save!r}; it should end in .safetensors")
    if config.model.kind in ("lora", "embedding", "control", "preview") and not config.model.base:
        raise ConfigError(f"{path}: model.base is missing: a training of the kind {config.model.kind!r} needs one")
    if config.model.kind == "embedding" and not (config.adapter.placeholder and config.adapter.begin):
        raise ConfigError(f"{path}: an embedding needs adapter.placeholder, its word, and adapter.begin, what it is")


def _at(config: Config, name: str) -> Any:
    section, _, name = name.partition(".")
    return getattr(getattr(config, section), name)
