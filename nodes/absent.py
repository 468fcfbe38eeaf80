"""The node types for pictures that the standard has and that are not here, by why. (`docs/nodes.md` lists them.)"""

from __future__ import annotations

from collections.abc import Mapping

FAMILY = "planned, with the family of models that it is for: {}"
MERGED = "planned, with the family of models that it merges: {}"

ABSENT: Mapping[str, str] = {
    "CLIPTextEncodeFlux": FAMILY.format("Flux"),
    "CLIPTextEncodeHiDream": FAMILY.format("HiDream"),
    "CLIPTextEncodeHunyuanDiT": FAMILY.format("Hunyuan-DiT"),
    "CLIPTextEncodeLumina2": FAMILY.format("Lumina 2"),
    "CLIPTextEncodePixArtAlpha": FAMILY.format("PixArt"),
    "CLIPTextEncodeSD3": FAMILY.format("Stable Diffusion 3"),
    "ChromaRadianceOptions": FAMILY.format("Chroma Radiance"),
    "ContextWindowsManual": "planned, with models of long clips; pictures of a batch do not see each other anyway",
    "LotusConditioning": "needs a fixed tensor of text features that only that program contains; encode an empty "
    "prompt with the text encoder of Stable Diffusion 2 instead, which is what Lotus was trained with",
    "ModelMergeAuraflow": MERGED.format("AuraFlow"),
    "ModelMergeCosmosPredict2_14B": MERGED.format("Cosmos Predict 2"),
    "ModelMergeCosmosPredict2_2B": MERGED.format("Cosmos Predict 2"),
    "ModelMergeFlux1": MERGED.format("Flux"),
    "ModelMergeQwenImage": MERGED.format("Qwen-Image"),
    "ModelMergeSD35_Large": MERGED.format("Stable Diffusion 3.5"),
    "ModelMergeSD3_2B": MERGED.format("Stable Diffusion 3"),
    "ModelPatchLoader": FAMILY.format("Qwen-Image and Flux"),
    "QuadrupleCLIPLoader": FAMILY.format("HiDream"),
    "QwenImageDiffsynthControlnet": FAMILY.format("Qwen-Image"),
    "SkipLayerGuidanceDiT": FAMILY.format("Stable Diffusion 3 and Flux"),
    "SkipLayerGuidanceDiTSimple": FAMILY.format("Stable Diffusion 3 and Flux"),
    "SkipLayerGuidanceSD3": FAMILY.format("Stable Diffusion 3"),
    "StableCascade_StageC_VAEEncode": FAMILY.format("Stable Cascade"),
    "StableCascade_SuperResolutionControlnet": FAMILY.format("Stable Cascade"),
    "T5TokenizerOptions": FAMILY.format("those that read text with T5"),
    "TextEncodeQwenImageEdit": FAMILY.format("Qwen-Image"),
    "TextEncodeQwenImageEditPlus": FAMILY.format("Qwen-Image"),
    "TripleCLIPLoader": FAMILY.format("Stable Diffusion 3"),
    "USOStyleReference": FAMILY.format("Flux"),
    "WanContextWindowsManual": FAMILY.format("Wan"),
}
