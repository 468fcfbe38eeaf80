"""Nodes for prompts: drawing from choices, changing during a run, ways to weigh words, and what is made of them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
import executor.output_files as output_files
from executor.files import Files
from executor.node import ExtraPngInfo, Prompt, Range, Seed, Shown, Text, Widget, node
from nodes.sockets import Clip, Conditioning, Image, Model, Sigmas
from nodes.text import embedding_state

CATEGORY = "prompt"

Template = Annotated[str, Text(multiline=True)]
Weights = Annotated[
    Literal["standard", "A1111", "A1111, no norm", "down-weight"],
    "How (words:1.2) is read and what it does: as the standard; as A1111's WebUI, where [words] weigh less; or with "
    "words below 1 taken away instead of turned down.",
]


def wildcard_state(files: Files) -> Any:
    return diffusion.wildcard_files.state(files.base / "wildcards")


@node(
    "DrawPrompt",
    category=CATEGORY,
    display_name="Draw Prompt (Wildcards)",
    output_names=["text"],
    fingerprint=wildcard_state,
)
def draw_prompt(
    *,
    text: Annotated[Template, "May hold {a|b}, {2::a|b}, {2$$a|b|c} and __file__ of the folder wildcards."],
    seed: Annotated[Seed, "The same seed draws the same text, as long as the files are the same."] = 0,
    files: Files,
) -> Shown[str]:
    """Draw a prompt: one of each choice in the text. The node shows what was drawn."""
    drawn = diffusion.wildcard_files.drawn(text, seed, files.base / "wildcards")
    return Shown({"text": [drawn]}, drawn)


@node("EncodePrompt", category=CATEGORY, display_name="Encode Prompt", fingerprint=embedding_state)
def encode_prompt(
    *,
    clip: Clip,
    text: Annotated[Template, "What the picture should show. BREAK begins a new chunk of 75 tokens."],
    weights: Weights = "standard",
) -> Conditioning:
    """Encode a prompt, with a choice of what the weights of its words do."""
    return clip.conditioning(text, diffusion.emphasis.LANGUAGES[weights])


@node("SchedulePrompt", category=CATEGORY, display_name="Schedule Prompt", fingerprint=embedding_state)
def schedule_prompt(
    *,
    clip: Clip,
    text: Annotated[Template, "May hold [from:to:when], [to:when], [from::when] and [one|other]."],
    steps: Annotated[int, Range(1, 10000), "The steps of the sampler, which `when` counts; 0.4 is a share."] = 20,
    weights: Weights = "standard",
    model: Annotated[Model | None, "With sigmas: whose noise levels they are."] = None,
    sigmas: Annotated[
        Sigmas | None, "The schedule of the run: each step then has exactly its text. Without it steps are even."
    ] = None,
) -> Shown[Conditioning]:
    """Encode a prompt that changes during the run. The node shows which text holds in which steps."""
    if (model is None) != (sigmas is None):
        missing = "model" if model is None else "sigmas"
        raise ValueError(f"{missing} is not connected: connect model and sigmas, or neither of them")
    count = steps if sigmas is None else max(len(sigmas) - 1, 1)
    said = diffusion.prompt_schedule.stretches(text, count)
    timing = diffusion.prompt_timing
    starts = (
        timing.even_starts(count) if sigmas is None or model is None else timing.starts_of(sigmas, model.prediction)
    )
    shown = "\n".join(f"{one.start + 1}-{one.end}: {one.text}" for one in said)
    return Shown({"text": [shown]}, timing.encoded(clip, said, diffusion.emphasis.LANGUAGES[weights], starts))


class Tokens(NamedTuple):
    table: str
    tokens: int
    chunks: int


@node("CountTokens", category=CATEGORY, display_name="Count Tokens", output_node=True, fingerprint=embedding_state)
def count_tokens(
    *,
    clip: Clip,
    text: Template,
    weights: Weights = "standard",
    steps: Annotated[
        int, Range(0, 10000), "Of a prompt that changes: each of its texts in so many steps; 0 takes it as it is."
    ] = 0,
) -> Shown[Tokens]:
    """Show what the text encoders get of a prompt: each token with its weight, in chunks of 75."""
    table, language = diffusion.token_table, diffusion.emphasis.LANGUAGES[weights]
    counted = table.counted_by_step(clip, text, language, steps) if steps else table.counted(clip, text, language)
    return Shown({"text": [counted.table]}, Tokens(*counted))


@node("SaveImageWithPrompt", category=CATEGORY, display_name="Save Image with Prompt", output_node=True)
async def save_image_with_prompt(
    *,
    images: Annotated[Image, "Each becomes one file."],
    text: Annotated[str, Text(multiline=True), Widget(forceInput=True), "What to keep, such as a drawn prompt."],
    filename_prefix: Annotated[str, "Folders and the beginning of the name; may hold %date:yyyy-MM-dd%."] = "mezzotint",
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save pictures as PNG files with the graph that made them and a text, where other programs look for the prompt
    (the text chunk `parameters`)."""
    height, width = images.shape[1:3]
    prefix = output_files.fill(filename_prefix, prompt, datetime.now(), width, height)
    texts = {**output_files.texts(prompt, extra_pnginfo), "parameters": text}
    contents = diffusion.image_files.encode(images, texts)
    saved = await asyncio.to_thread(output_files.save, files, "output", prefix, "png", contents)
    return Shown({"images": saved}, None)
