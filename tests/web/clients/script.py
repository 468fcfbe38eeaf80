"""Drives a server with the runtime of the PyPI package comfy-script, as its users do.

script.py picture|cancel URL GRAPH FOLDER: what happened, as the last line; GRAPH is not read: the script is the graph.
"""

# pyright: reportMissingImports=false, reportUndefinedVariable=false
# ruff: noqa: E402, F403, F405
import json
import sys
import threading
from pathlib import Path
from typing import Any

from comfy_script import runtime
from comfy_script.runtime import Workflow, queue

runtime.load(sys.argv[2])
from comfy_script.runtime.nodes import *  # those that the server named


def draw(steps: int) -> tuple[Any, Any]:
    """Queue a picture of this many steps."""
    with Workflow() as workflow:
        model, clip, vae = CheckpointLoaderSimple("starter-emoji-128.safetensors")
        latent = EmptyLatentImage(128, 128, 1)
        words = CLIPTextEncode("a red apple", clip), CLIPTextEncode("", clip)
        latent = KSampler(model, 7, steps, 3.5, "euler", "normal", *words, latent)
        saved = SaveImage(VAEDecode(latent, vae), "script")
    return workflow.task, saved


def picture(folder: Path) -> dict[str, Any]:
    task, saved = draw(20)
    seen: list[Any] = []
    task.add_progress_callback(lambda p: seen.append([p.node_id, p.value, p.max]))
    (image,) = saved.wait().wait()
    image.save(folder / "script.png")
    again, _ = draw(20)  # nothing to compute: done at once
    again.wait()
    return {"progress": seen, "size": image.size, "text": image.text}


def cancel(folder: Path) -> dict[str, Any]:
    task, saved = draw(10000)
    samples = threading.Event()
    task.add_progress_callback(lambda p: samples.set())
    assert samples.wait(60)
    queue.cancel_current()
    return {"job": task.prompt_id, "result": saved.wait() and "something", "remaining": queue.queue_remaining}


if __name__ == "__main__":
    act = {"picture": picture, "cancel": cancel}[sys.argv[1]]
    print(json.dumps(act(Path(sys.argv[4]))), flush=True)
