"""Where the vision network of a file is, and what its tensors are called. Without torch."""

from __future__ import annotations

from pathlib import Path

from diffusion import detect, layouts
from diffusion.header import Header, ModelFileError, Shapes, read_header
from diffusion.parts import Part

PREFIXES = ("", "image_encoder.", "embedder.model.")
MARK = "vision_model.embeddings.class_embedding"
OPEN_MARK = "visual.class_embedding"
STYLE_MARK = "style_embedding"
OPEN = {
    "class_embedding": MARK,
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "ln_post.weight": "vision_model.post_layernorm.weight",
    "ln_post.bias": "vision_model.post_layernorm.bias",
    "proj": "visual_projection.weight",
}


def find(header: Header, prefixes: tuple[str, ...] = PREFIXES) -> Part:
    """CLIP's vision network, in transformers' or OpenCLIP's layout.

    Raises ModelFileError, which says what the file is, if it has none.
    """
    for prefix in prefixes:
        inside = {name[len(prefix) :]: s for name, s in header.shapes.items() if name.startswith(prefix)}
        if MARK in inside:
            names = {n: n for n in inside if n.startswith(("vision_model.", "visual_projection."))}
            return Part(prefix, names, {n: inside[n] for n in names})
        if OPEN_MARK in inside:
            return _open(f"{prefix}visual.", {n[7:]: s for n, s in inside.items() if n.startswith("visual.")})
    raise ModelFileError(f"{header.path.name} holds no CLIP vision network; it is {_what(header)}")


def _what(header: Header) -> str:
    if any("vision_model.head.attention" in name for name in header.shapes):
        return "a SigLIP vision network, which cannot be run yet"
    try:
        return f"a {detect.family(header)[0].name} model; load it with Load Checkpoint"
    except ModelFileError:
        return detect.what(header.shapes)


def _open(prefix: str, inside: Shapes) -> Part:
    """OpenCLIP's network has the layers of its text network, and the picture's ends."""
    of_text, thirds_of_text = layouts.open_clip_names(inside)
    names = {theirs: _vision(ours) for theirs, ours in of_text.items()} | {n: OPEN[n] for n in OPEN if n in inside}
    thirds = {_vision(ours): place for ours, place in thirds_of_text.items()}
    shapes = {ours: inside[theirs] for theirs, ours in names.items()}
    for ours, (theirs, _) in thirds.items():
        rows, *rest = inside[theirs]
        shapes[ours] = (rows // 3, *rest)
    turned = frozenset({OPEN["proj"]} if "proj" in inside else ())
    return Part(prefix, names, shapes | {n: shapes[n][::-1] for n in turned}, thirds, turned)


def _vision(name: str) -> str:
    return name.replace("text_model.", "vision_model.", 1)


def inspect(path: Path) -> Part:
    """The vision network of a file. Raises ModelFileError if it has none."""
    return find(read_header(path))


def style_shapes(path: Path) -> Shapes:
    """The shapes of a style model's tensors. Raises ModelFileError if the file is none."""
    header = read_header(path)
    if STYLE_MARK not in header.shapes:
        kind = "a style model of Flux" if "redux_up.weight" in header.shapes else detect.what(header.shapes)
        raise ModelFileError(f"{path.name} is no style model that can be run; it is {kind}")
    return header.shapes


def find_photomaker(header: Header) -> Part:
    """The network of a PhotoMaker file that sees faces. Raises ModelFileError if it has none that can be run."""
    for prefix in ("id_encoder.", ""):
        inside = {name[len(prefix) :]: s for name, s in header.shapes.items() if name.startswith(prefix)}
        if "qformer_perceiver.token_proj.0.weight" in inside:
            raise ModelFileError(
                f"{header.path.name} is a PhotoMaker model of version 2, which needs insightface to recognise faces, "
                "and that is not here; use photomaker-v1.bin"
            )
        if "fuse_module.layer_norm.weight" in inside:
            return Part(prefix, {n: n for n in inside}, inside)
    raise ModelFileError(f"{header.path.name} is no PhotoMaker model; it is {detect.what(header.shapes)}")


def inspect_photomaker(path: Path) -> dict[str, int]:
    """The sizes of a PhotoMaker file. Raises ModelFileError if it is none."""
    return {"context width": find_photomaker(read_header(path)).shapes["fuse_module.layer_norm.weight"][0]}
