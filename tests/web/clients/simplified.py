"""Drives a server with the PyPI package comfy-api-simplified, as its users do.

simplified.py picture|cancel URL GRAPH FOLDER: what happened, as one line of JSON; pictures go into FOLDER.
"""

# pyright: reportMissingImports=false
import asyncio
import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any

from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper


def picture(api: ComfyApiWrapper, graph: ComfyWorkflowWrapper, folder: Path) -> dict[str, Any]:
    graph.set_node_param("KSampler", "seed", 7)
    pictures = api.queue_and_wait_images(graph, output_node_title="Save Image")
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    uploaded = api.upload_image(folder / next(iter(pictures)), subfolder="uploads")
    info = api.get_object_info("KSampler")
    return {"pictures": list(pictures), "uploaded": uploaded, "samplers": info["KSampler"]["input"]["required"]}


class Sampling(logging.Handler):
    """Waits for the first step of a sampler: the client logs every message that it is sent."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen = threading.Event()
        client = logging.getLogger("comfy_api_simplified")
        client.setLevel(logging.DEBUG)
        client.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, dict) and record.msg.get("type") == "progress":
            self.seen.set()


def cancel(api: ComfyApiWrapper, graph: ComfyWorkflowWrapper, folder: Path) -> dict[str, Any]:
    sampling = Sampling()
    ended: list[Any] = []
    waiting = threading.Thread(target=lambda: ended.append(asyncio.run(api.queue_prompt_and_wait(graph))))
    waiting.start()
    assert sampling.seen.wait(60)
    job = api.get_queue()["queue_running"][0][1]
    assert api.get_queue_size_before(job) == 0
    api.interrupt()
    waiting.join()
    return {"job": job, "ended": ended[0][0], "pictures": len(ended[0][1])}


if __name__ == "__main__":
    what, url, graph, folder = sys.argv[1:]
    act = {"picture": picture, "cancel": cancel}[what]
    print(json.dumps(act(ComfyApiWrapper(url), ComfyWorkflowWrapper(graph), Path(folder))))
