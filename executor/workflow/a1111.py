"""The generation parameters that A1111's WebUI (and Forge, SD.Next, Civitai) write into pictures, as a graph.

The text is a prompt, maybe a line `Negative prompt: ...`, and a last line `Steps: 20, Sampler: Euler a, ...`. The graph
says the same in nodes; its picture is alike, not equal: the WebUI draws noise on the GPU and weighs words differently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from executor.workflow.flatten import Flat
from executor.workflow.lenient import mapping
from executor.workflow.widgets import Descriptions

SAMPLERS = {  # the WebUI's names, lower case, without the schedule
    "euler a": "euler_ancestral",
    "euler": "euler",
    "lms": "lms",
    "heun": "heun",
    "dpm2": "dpm_2",
    "dpm2 a": "dpm_2_ancestral",
    "dpm++ 2s a": "dpmpp_2s_ancestral",
    "dpm++ 2m": "dpmpp_2m",
    "dpm++ sde": "dpmpp_sde",
    "dpm++ 2m sde": "dpmpp_2m_sde",
    "dpm++ 2m sde heun": "dpmpp_2m_sde_heun",
    "dpm++ 3m sde": "dpmpp_3m_sde",
    "dpm fast": "dpm_fast",
    "dpm adaptive": "dpm_adaptive",
    "ddim": "ddim",
    "ddim cfg++": "euler_cfg_pp",
    "unipc": "uni_pc",
    "lcm": "lcm",
    "ddpm": "ddpm",
    "deis": "deis",
}
SCHEDULES = {
    "automatic": "normal",
    "uniform": "normal",
    "karras": "karras",
    "exponential": "exponential",
    "sgm uniform": "sgm_uniform",
    "simple": "simple",
    "normal": "normal",
    "ddim": "ddim_uniform",
    "beta": "beta",
    "kl optimal": "kl_optimal",
    "turbo": "sgm_uniform",
}
_SETTING = re.compile(r'\s*([A-Za-z][\w +\-/.]*?):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_LORA = re.compile(r"<(lora|lyco|hypernet):([^:>]+)(?::([^>]*))?>")
NEGATIVE = "Negative prompt:"


@dataclass(frozen=True)
class Parameters:
    """The text taken apart. `settings` has lower-case names."""

    prompt: str
    negative: str
    settings: Mapping[str, str]


def read(text: str) -> Parameters | None:
    """The parameters, or None if the text is something else: a last line without `Steps: ...`."""
    lines = text.replace("\r\n", "\n").strip().split("\n")
    settings = {m[1].lower(): m[2].strip().strip('"') for m in _SETTING.finditer(lines[-1])}
    if not settings.get("steps", "").isdigit():
        return None
    start = next((i for i, line in enumerate(lines[:-1]) if line.startswith(NEGATIVE)), len(lines) - 1)
    negative = "\n".join(lines[start:-1]).removeprefix(NEGATIVE)
    return Parameters("\n".join(lines[:start]).strip(), negative.strip(), settings)


def to_api(found: Parameters, nodes: Descriptions) -> Flat:
    """The API graph of text to image with these parameters, and what of them is not in it."""
    return _Builder(found, nodes).build()


class _Builder:
    """Nodes that are added one after the other."""

    def __init__(self, found: Parameters, nodes: Descriptions):
        self.found, self.nodes = found, nodes
        self.graph: dict[str, Any] = {}
        self.notes = ["the noise of the other program is not ours, so the picture will be alike and not the same"]

    def add(self, type_: str, **inputs: Any) -> str:
        id = str(len(self.graph) + 1)
        self.graph[id] = {"class_type": type_, "inputs": inputs}
        return id

    def build(self) -> Flat:
        checkpoint = self.add("CheckpointLoaderSimple", ckpt_name=self.checkpoint())
        model, clip = self.adapters([checkpoint, 0], [checkpoint, 1])
        if (skip := int(self.number("clip skip", 1))) > 1:
            clip = [self.add("CLIPSetLastLayer", clip=clip, stop_at_clip_layer=-skip), 0]
        positive = self.add("CLIPTextEncode", clip=clip, text=_LORA.sub("", self.found.prompt).strip())
        negative = self.add("CLIPTextEncode", clip=clip, text=self.found.negative)
        prompts = {"positive": [positive, 0], "negative": [negative, 0]}
        width, height = self.size()
        latent = [self.add("EmptyLatentImage", width=width, height=height, batch_size=1), 0]
        if self.found.settings.get("hires upscale"):
            self.notes.append("the second pass (hires fix) is left out")
        elif "denoising strength" in self.found.settings:
            self.notes.append("the picture that this one began with is not in it, so it begins with noise")
        samples = self.add("KSampler", model=model, latent_image=latent, denoise=1.0, **prompts, **self.sampling())
        image = self.add("VAEDecode", samples=[samples, 0], vae=self.vae(checkpoint))
        self.add("SaveImage", images=[image, 0], filename_prefix="mezzotint")
        return Flat(self.graph, self.notes)

    # --- parts ---

    def number(self, name: str, default: float) -> float:
        try:
            return float(self.found.settings.get(name, default))
        except ValueError:
            self.notes.append(f"{name} is {self.found.settings[name]!r}, which is no number; {default:g} stands for it")
            return default

    def size(self) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", self.found.settings.get("size", ""))
        width, height = (int(match[1]), int(match[2])) if match else (512, 512)
        return max(16, width // 8 * 8), max(16, height // 8 * 8)

    def sampling(self) -> dict[str, Any]:
        sampler, schedule = self.method()
        seed = int(self.number("seed", 0)) % 2**64
        cfg = self.number("cfg scale", 7.0)
        steps = max(1, int(self.number("steps", 20)))
        return {"seed": seed, "steps": steps, "cfg": cfg, "sampler_name": sampler, "scheduler": schedule}

    def method(self) -> tuple[str, str]:
        """The sampler and the schedule, which older versions write in one."""
        name = self.found.settings.get("sampler", "Euler").lower().strip()
        schedule = self.found.settings.get("schedule type", "").lower().strip()
        for suffix in () if schedule else ("karras", "exponential"):
            if name.endswith(f" {suffix}"):
                name, schedule = name.removesuffix(f" {suffix}"), suffix
        if name not in SAMPLERS:
            self.notes.append(f"the sampler {name!r} is not known here; euler stands for it")
        if schedule and schedule not in SCHEDULES:
            self.notes.append(f"the schedule {schedule!r} is not known here; normal stands for it")
        return SAMPLERS.get(name, "euler"), SCHEDULES.get(schedule, "normal")

    def checkpoint(self) -> str:
        """The file of the model's name, which is written without ending, as long as it is the only one."""
        settings = self.found.settings
        return self.file("CheckpointLoaderSimple", "ckpt_name", settings.get("model", "model"), settings)

    def vae(self, checkpoint: str) -> list[Any]:
        name = self.found.settings.get("vae", "")
        if not name or name.lower() in ("none", "automatic"):
            return [checkpoint, 2]
        return [self.add("VAELoader", vae_name=self.file("VAELoader", "vae_name", name, {})), 0]

    def adapters(self, model: list[Any], clip: list[Any]) -> tuple[list[Any], list[Any]]:
        """The model and the text encoder with the LoRAs that the prompt names."""
        for kind, name, rest in _LORA.findall(self.found.prompt):
            if kind == "hypernet":
                self.notes.append(f"the hypernetwork {name!r} is left out")
                continue
            file = self.file("LoraLoader", "lora_name", name, {})
            model_strength, clip_strength = _strengths(rest)
            strengths = {"strength_model": model_strength, "strength_clip": clip_strength}
            id = self.add("LoraLoader", model=model, clip=clip, lora_name=file, **strengths)
            model, clip = [id, 0], [id, 1]
        return model, clip

    def file(self, type_: str, input: str, name: str, settings: Mapping[str, str]) -> str:
        """The entry of a menu that a name without folder and ending means, else the name with the usual ending."""
        wanted = PurePosixPath(name.replace("\\", "/")).name
        alike = [n for n in self.menu(type_, input) if wanted in (PurePosixPath(n).name, PurePosixPath(n).stem)]
        if len(alike) == 1:
            return alike[0]
        digest = f" (its hash begins with {settings['model hash']})" if settings.get("model hash") else ""
        if not alike:
            self.notes.append(f"{name!r}{digest} is not among the files here; choose another or put it there")
        return wanted if PurePosixPath(wanted).suffix in (".safetensors", ".ckpt", ".pt") else f"{wanted}.safetensors"

    def menu(self, type_: str, input: str) -> list[str]:
        described = mapping(mapping(mapping(self.nodes.get(type_)).get("input")).get("required"))
        declared: list[Any] = described.get(input) or [[]]
        return [str(name) for name in declared[0]]


def _strengths(text: str) -> tuple[float, float]:
    """Of `0.8`, or `0.8:0.6` for the model and the text encoder apart."""
    found = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text)] or [1.0]
    return found[0], found[1] if len(found) > 1 else found[0]
