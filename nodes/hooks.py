"""Hooks: adapters and models that hold for some conditionings, and more or less strongly as a run goes on."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

import diffusion
from executor.files import Files
from executor.node import Folder, Range, Widget, node
from executor.types import Socket
from nodes.conditioning import Moment
from nodes.loaders import checkpoint_state
from nodes.lora import Name, lora_problem, lora_state
from nodes.sockets import Clip, HookKeyframes, Hooks

CREATE, COMBINE, SCHEDULE = (f"advanced/hooks/{part}" for part in ("create", "combine", "scheduling"))
log = logging.getLogger(__name__)

Strength = Annotated[float, Range(-20.0, 20.0, step=0.01), "How much of the change; negative turns it around."]
Checkpoint = Annotated[str, Folder("checkpoints"), "A model of the same family."]
Factor = Annotated[float, Range(0.0, 10.0, step=0.001), "The hooks' strength is multiplied by it."]
Said = Annotated[bool, "Write the keyframes to the log."]
Floats = Annotated[
    Any, Socket("FLOATS"), Widget(forceInput=True, min=-1, step=0.001), "The strengths, one for each keyframe."
]


# --- hooks ---------------------------------------------------------------------------------------


@node(
    "CreateHookLora",
    category=CREATE,
    display_name="Create Hook LoRA",
    experimental=True,
    fingerprint=lora_state,
    validate=lora_problem,
)
def create_hook_lora(
    *,
    lora_name: Name,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    prev_hooks: Hooks | None = None,
    files: Files,
) -> Hooks:
    """An adapter for the conditionings that get this hook, and for no others."""
    path = files.model("loras", lora_name)
    return diffusion.hooks.combined(prev_hooks, [diffusion.hooks.lora(path, strength_model, strength_clip)])


@node(
    "CreateHookLoraModelOnly",
    category=CREATE,
    display_name="Create Hook LoRA (MO)",
    experimental=True,
    fingerprint=lora_state,
    validate=lora_problem,
)
def create_hook_lora_model_only(
    *, lora_name: Name, strength_model: Strength = 1.0, prev_hooks: Hooks | None = None, files: Files
) -> Hooks:
    """An adapter for the conditionings that get this hook; text encoders stay as they are."""
    path = files.model("loras", lora_name)
    return diffusion.hooks.combined(prev_hooks, [diffusion.hooks.lora(path, strength_model, 0.0)])


@node(
    "CreateHookModelAsLora",
    category=CREATE,
    display_name="Create Hook Model as LoRA",
    experimental=True,
    fingerprint=checkpoint_state,
)
def create_hook_model_as_lora(
    *,
    ckpt_name: Checkpoint,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    prev_hooks: Hooks | None = None,
    files: Files,
) -> Hooks:
    """What another model differs by, as an adapter: at strength 1 it takes the model's place."""
    model, clip, _ = diffusion.checkpoint.load(files.model("checkpoints", ckpt_name))
    hook = diffusion.hooks.model_as_lora(model, clip, strength_model, strength_clip)
    return diffusion.hooks.combined(prev_hooks, [hook])


@node(
    "CreateHookModelAsLoraModelOnly",
    category=CREATE,
    display_name="Create Hook Model as LoRA (MO)",
    experimental=True,
    fingerprint=checkpoint_state,
)
def create_hook_model_as_lora_model_only(
    *, ckpt_name: Checkpoint, strength_model: Strength = 1.0, prev_hooks: Hooks | None = None, files: Files
) -> Hooks:
    """The same for the model only; text encoders stay as they are."""
    model, _, _ = diffusion.checkpoint.load(files.model("checkpoints", ckpt_name))
    return diffusion.hooks.combined(prev_hooks, [diffusion.hooks.model_as_lora(model, None, strength_model, 0.0)])


@node("CombineHooks2", category=COMBINE, display_name="Combine Hooks [2]", experimental=True)
def combine_hooks_2(*, hooks_A: Hooks | None = None, hooks_B: Hooks | None = None) -> Hooks:
    """All hooks of up to two groups; one that is in several counts once."""
    return diffusion.hooks.combined(hooks_A, hooks_B)


@node("CombineHooks4", category=COMBINE, display_name="Combine Hooks [4]", experimental=True)
def combine_hooks_4(
    *,
    hooks_A: Hooks | None = None,
    hooks_B: Hooks | None = None,
    hooks_C: Hooks | None = None,
    hooks_D: Hooks | None = None,
) -> Hooks:
    """All hooks of up to four groups; one that is in several counts once."""
    return diffusion.hooks.combined(hooks_A, hooks_B, hooks_C, hooks_D)


@node("CombineHooks8", category=COMBINE, display_name="Combine Hooks [8]", experimental=True)
def combine_hooks_8(
    *,
    hooks_A: Hooks | None = None,
    hooks_B: Hooks | None = None,
    hooks_C: Hooks | None = None,
    hooks_D: Hooks | None = None,
    hooks_E: Hooks | None = None,
    hooks_F: Hooks | None = None,
    hooks_G: Hooks | None = None,
    hooks_H: Hooks | None = None,
) -> Hooks:
    """All hooks of up to eight groups; one that is in several counts once."""
    return diffusion.hooks.combined(hooks_A, hooks_B, hooks_C, hooks_D, hooks_E, hooks_F, hooks_G, hooks_H)


@node("SetClipHooks", category="advanced/hooks/clip", display_name="Set CLIP Hooks", experimental=True)
def set_clip_hooks(
    *,
    clip: Clip,
    apply_to_conds: Annotated[bool, "Give the hooks to the conditionings too, and so to the model."] = True,
    schedule_clip: Annotated[bool, "Encode prompts anew for each keyframe, for its part of the run."] = False,
    hooks: Hooks | None = None,
) -> Clip:
    """Encode prompts with hooks: their adapters change the text encoders."""
    if not hooks:
        return clip
    return diffusion.hooks.on_clip(clip, hooks, passed_on=apply_to_conds, by_step=schedule_clip)


# --- keyframes -----------------------------------------------------------------------------------


@node(
    "CreateHookKeyframe",
    category=SCHEDULE,
    display_name="Create Hook Keyframe",
    output_names=("HOOK_KF",),
    experimental=True,
)
def create_hook_keyframe(
    *,
    strength_mult: Annotated[float, Range(-20.0, 20.0, step=0.01), "The hooks' strength is multiplied by it."] = 1.0,
    start_percent: Moment = 0.0,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """From a part of the run on, hooks are stronger or weaker. Before the first keyframe they have full strength."""
    frame = diffusion.hooks.Keyframe(start_percent, strength_mult)
    return diffusion.hooks.in_order((*(prev_hook_kf or ()), frame))


@node(
    "CreateHookKeyframesInterpolated",
    category=SCHEDULE,
    display_name="Create Hook Keyframes Interp.",
    output_names=("HOOK_KF",),
    experimental=True,
)
def create_hook_keyframes_interpolated(
    *,
    strength_start: Factor = 1.0,
    strength_end: Factor = 1.0,
    interpolation: Annotated[
        Literal["linear", "ease_in", "ease_out", "ease_in_out"], "Ease: slow at the beginning, at the end, or at both."
    ],
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
    keyframes_count: Annotated[int, Range(2, 100, step=1)] = 5,
    print_keyframes: Said = False,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Keyframes from one strength to another, evenly over a part of the run."""
    frames = diffusion.hooks.interpolated(
        strength_start, strength_end, interpolation, start_percent, end_percent, keyframes_count
    )
    return _after(prev_hook_kf, frames, print_keyframes)


@node(
    "CreateHookKeyframesFromFloats",
    category=SCHEDULE,
    display_name="Create Hook Keyframes From Floats",
    output_names=("HOOK_KF",),
    experimental=True,
)
def create_hook_keyframes_from_floats(
    *,
    floats_strength: Floats = -1,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
    print_keyframes: Said = False,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """One keyframe for each strength of a list, evenly over a part of the run."""
    strengths = [floats_strength] if isinstance(floats_strength, int | float) else list(floats_strength)
    frames = diffusion.hooks.spread(strengths, start_percent, end_percent)
    return _after(prev_hook_kf, frames, print_keyframes)


def _after(before: HookKeyframes | None, frames: HookKeyframes, said: bool) -> HookKeyframes:
    for frame in frames if said else ():
        log.info("hook keyframe from %.3f on: strength %.3f", frame.start, frame.strength)
    return diffusion.hooks.in_order((*(before or ()), *frames))


@node("SetHookKeyframes", category=SCHEDULE, display_name="Set Hook Keyframes", experimental=True)
def set_hook_keyframes(*, hooks: Hooks, hook_kf: HookKeyframes | None = None) -> Hooks:
    """Hooks whose strength follows keyframes, in place of those that they had."""
    return diffusion.hooks.with_keyframes(hooks, hook_kf) if hook_kf else hooks
