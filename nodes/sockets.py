"""The socket types that nodes exchange. Torch is not imported here: names are needed before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from executor.types import Socket

if TYPE_CHECKING:
    from torch import Tensor

    from diffusion.adapters.load import LoraModel as _LoraModel
    from diffusion.coding import Vae as _Vae
    from diffusion.control.handle import Control as _ControlNet
    from diffusion.crops import Stitcher as _Stitcher
    from diffusion.gligen import Gligen as _Gligen
    from diffusion.guidance import Guider as _Guider
    from diffusion.hooks import Hooks as _Hooks
    from diffusion.hooks import Keyframes as _Keyframes
    from diffusion.model import Model as _Model
    from diffusion.noise import Noise as _Noise
    from diffusion.samplers import Sampler as _Sampler
    from diffusion.text import Clip as _Clip
    from diffusion.upscaling.upscaler import Upscaler as _Upscaler
    from diffusion.vision.encode import ClipVision as _ClipVision
    from diffusion.vision.encode import VisionOutput as _ClipVisionOutput
    from diffusion.vision.ip_adapter import IpAdapter as _IpAdapter
    from diffusion.vision.photomaker import PhotoMaker as _PhotoMaker
    from diffusion.vision.style import StyleModel as _StyleModel
else:
    Tensor = _Model = _Upscaler = _Stitcher = _Clip = _Vae = _Sampler = _Guider = _Noise = _ControlNet = Any
    _Hooks = _Keyframes = _ClipVision = _ClipVisionOutput = _StyleModel = _Gligen = _PhotoMaker = _IpAdapter = Any
    _LoraModel = Any

Anything = Annotated[Any, Socket("*")]
Model = Annotated[_Model, Socket("MODEL")]
Clip = Annotated[_Clip, Socket("CLIP")]
LoraModel = Annotated[_LoraModel, Socket("LORA_MODEL")]
LossMap = Annotated[dict[str, list[float]], Socket("LOSS_MAP")]  # `loss`: of each step of a training
Vae = Annotated[_Vae, Socket("VAE")]
ControlNet = Annotated[_ControlNet, Socket("CONTROL_NET")]
Gligen = Annotated[_Gligen, Socket("GLIGEN")]
ClipVision = Annotated[_ClipVision, Socket("CLIP_VISION")]
ClipVisionOutput = Annotated[_ClipVisionOutput, Socket("CLIP_VISION_OUTPUT")]
IpAdapter = Annotated[_IpAdapter, Socket("IPADAPTER")]
PhotoMaker = Annotated[_PhotoMaker, Socket("PHOTOMAKER")]
StyleModel = Annotated[_StyleModel, Socket("STYLE_MODEL")]
Image = Annotated[Tensor, Socket("IMAGE")]  # b h w c, 0..1
Mask = Annotated[Tensor, Socket("MASK")]  # b h w, 0..1
Latent = Annotated[dict[str, Any], Socket("LATENT")]  # {"samples": b c h w, "noise_mask"?: b 1 h w, "batch_index"?}
LatentOperation = Annotated[Callable[[Tensor], Tensor], Socket("LATENT_OPERATION")]  # samples -> samples
Conditioning = Annotated[list[tuple[Tensor, dict[str, Any]]], Socket("CONDITIONING")]  # [(b t d, options), ...]
Hooks = Annotated[_Hooks, Socket("HOOKS")]
HookKeyframes = Annotated[_Keyframes, Socket("HOOK_KEYFRAMES")]
Sigmas = Annotated[Tensor, Socket("SIGMAS")]  # steps + 1
Sampler = Annotated[_Sampler, Socket("SAMPLER")]
Guider = Annotated[_Guider, Socket("GUIDER")]
Noise = Annotated[_Noise, Socket("NOISE")]
Stitcher = Annotated[_Stitcher, Socket("STITCHER")]
UpscaleModel = Annotated[_Upscaler, Socket("UPSCALE_MODEL")]
