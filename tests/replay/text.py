"""Replays the groups tokenize, tokenize_embeddings and encode of nodes.json, with its tiny text networks."""

import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import nodes as _  # noqa: F401  (registers every node)
from diffusion import text
from diffusion.clip import ClipConfig, ClipText
from diffusion.prompt import Chunk, Vector
from diffusion.text import Clip
from diffusion.tokenizer import END
from executor.node import registry
from tests.compare import diff

Array = np.ndarray[Any, Any]
VECTORS = {"emb_a": 3, "emb_b": 1}
GELU = {"clip_g", "clip_h"}


def replay(data: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    split = data.get("meta", {}).get("split", "dev")
    with TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of embeddings that are missing on purpose
        folders = {width: embeddings(Path(place), width, split) for width in (32, 40)}
        for group, known in (("tokenize", ()), ("tokenize_embeddings", (folders[32],))):
            for i, record in enumerate(data.get(group, ())):
                yield f"{group}[{i}] {record['prompt'][:40]!r}", tokens_mismatch(record, known)
        for i, record in enumerate(data.get("encode", ())):
            yield f"encode[{i}] {record['encoder']} {record['node']}", encode_mismatch(record, split, folders)


# --- tokens --------------------------------------------------------------------------------------


def tokens_mismatch(record: Mapping[str, Any], folders: tuple[Path, ...]) -> str | None:
    """None, or the first difference between the recorded chunks and ours."""
    config = ClipConfig(32, 1, 1, 32, 77, 49408, True, None)
    for name, pad in (("l", END), ("g", 0)):
        if name in record:
            encoder = text.Encoder("clip_l", _no_network, config, pad, -1, True, False)
            got = [_run_lengths(chunk) for chunk in Clip((encoder,), folders).tokenize(record["prompt"], encoder)]
            found = diff(got, [[_entry(e) for e in chunk] for chunk in record[name]], path=name)
            if found:
                return found
    return None


def _no_network(*args: Any) -> Any:
    raise AssertionError("nothing is encoded here")


def _entry(entry: Sequence[Any]) -> list[Any]:
    return [*entry, 1][:3]


def _run_lengths(chunk: Chunk) -> list[list[Any]]:
    named = [(f"{t.name}[{t.index}]" if isinstance(t, Vector) else t, float(w)) for t, w in chunk]
    return [[token, weight, len(list(same))] for (token, weight), same in groupby(named)]


# --- networks of closed form ---------------------------------------------------------------------


def uniform(count: int, key: str) -> Array:
    """`count` numbers in -1..1 that depend on the key only."""
    mask = np.uint64(0xFFFFFFFF)
    x = np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(zlib.crc32(key.encode())) & mask
    for _round in range(2):
        x ^= x >> np.uint64(16)
        x = x * np.uint64(0x45D9F3B) & mask
    x ^= x >> np.uint64(16)
    return 2 * x.astype(np.float64) / 2**32 - 1


def weight(name: str, shape: Sequence[int], key: str) -> torch.Tensor:
    u = uniform(int(np.prod(shape)), key)
    if "norm" in name:
        u = 1 + 0.1 * u if name.endswith("weight") else 0.1 * u
    elif "token_embedding" in name:
        pass
    elif "position_embedding" in name:
        u = 0.3 * u
    else:
        u = 0.05 * u if name.endswith("bias") else u * np.sqrt(3 / shape[-1])
    return torch.tensor(u, dtype=torch.float32).reshape(tuple(shape))


@cache
def tiny(name: str, split: str) -> tuple[ClipText, ClipConfig]:
    """The network clip_l, clip_g or clip_h of the records."""
    large = name in GELU
    width = 40 if large else 32
    config = ClipConfig(width, 4, 4, 2 * width, 77, 49408, not large, width if large else None)
    network = ClipText(config).eval().requires_grad_(False)
    shapes = {n: tuple(t.shape) for n, t in network.state_dict().items()}
    network.load_state_dict({n: weight(n, s, f"tiny-{split}/{name}/{n}") for n, s in shapes.items()})
    return network, config


def embeddings(place: Path, width: int, split: str) -> Path:
    """A folder with the embeddings of the records."""
    folder = place / str(width)
    folder.mkdir()
    for name, count in VECTORS.items():
        values = uniform(count * width, f"emb/{name}/{width}") * np.sqrt(3 / width)
        save_file(
            {"emb_params": torch.tensor(values, dtype=torch.float32).reshape(count, width)},
            folder / f"{name}.safetensors",
        )
    return folder


def clip(encoder: str, split: str, folders: Mapping[int, Path]) -> Clip:
    match encoder:
        case "tiny sd1":
            return Clip((text.stable_diffusion_1(*tiny("clip_l", split)),), (folders[32],))
        case "tiny sd2":
            return Clip((text.stable_diffusion_2(*tiny("clip_h", split)),), (folders[40],))
        case "tiny sdxl":
            small, large = text.xl_small(*tiny("clip_l", split)), text.xl_large(*tiny("clip_g", split))
            return Clip((small, large), (folders[32],))
        case _:
            raise LookupError(f"there is no encoder {encoder}")


# --- encoding ------------------------------------------------------------------------------------


def encode_mismatch(record: Mapping[str, Any], split: str, folders: Mapping[int, Path]) -> str | None:
    if record["node"] not in registry:
        return f"there is no node {record['node']}"
    try:
        encoder = clip(record["encoder"], split, folders)
    except LookupError as error:
        return str(error)
    if "stop_at_clip_layer" in record:
        last = registry["CLIPSetLastLayer"].function
        encoder = last(clip=encoder, stop_at_clip_layer=record["stop_at_clip_layer"])
    inputs = record.get("inputs") or {"text": record["text"]}
    [(states, options)] = registry[record["node"]].function(clip=encoder, **inputs)
    if list(states.shape) != record["shape"]:
        return f"shape {list(states.shape)}, recorded {record['shape']}"
    flat = states[0].double()
    rows = {i: flat[int(i), : len(values)].tolist() for i, values in record["rows"].items()}
    pooled = options["pooled_output"]
    got = {
        "mean": float(flat.mean()),
        "std": min((float(flat.std(unbiased=u)) for u in (True, False)), key=lambda s: abs(s - record["std"])),
        "rows": rows,
        "pooled": pooled[0, : len(record["pooled"])].tolist(),
        "pooled_shape": list(pooled.shape),
        "options": {k: v for k, v in options.items() if k != "pooled_output"},
    }
    return diff(got, {"options": {}, **{k: record[k] for k in got if k in record}}, path="encode")
