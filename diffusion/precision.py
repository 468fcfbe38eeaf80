"""Which floating-point type a network computes in. Nothing else decides it."""

from __future__ import annotations

from functools import cache

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def denoiser(requested: str, device: torch.device) -> torch.dtype:
    """The type of the denoising network.

    requested: fp32, bf16, fp16, or auto: bf16 where the processor or GPU multiplies it natively, fp16 on other GPUs,
    else fp32. Raises ValueError where the device cannot compute what was asked for.
    """
    if requested == "fp16" and device.type == "cpu":
        # torch has fp16 convolutions on a CPU, but they were measured five to ten times slower than fp32
        raise ValueError("fp16 is not computed natively by a CPU; use --precision auto, fp32 or bf16")
    if requested != "auto":
        return DTYPES[requested]
    if native_bf16(device):
        return torch.bfloat16
    return torch.float32 if device.type == "cpu" else torch.float16


def coder() -> torch.dtype:
    """The type of VAE and text encoder: always fp32, since both are a small part of the work and their errors show."""
    return torch.float32


@cache
def native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware, not by way of fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    return any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("amx_tile", "avx512_bf16"))
