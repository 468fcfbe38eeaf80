"""How smoothly the canvas moves: frame times in Chromium at 100, 500 and 2,000 nodes.

    python web/editor/bench/frames.py http://127.0.0.1:8188 [nodes ...]

Needs a running server and Playwright for Python. `frame` is what a person sees (the time from one frame to the next);
`work` is what the page itself did of it, in milliseconds a frame, which a slow graphics card does not change.
"""

from __future__ import annotations

import argparse
import json
import statistics
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

WORKFLOW = Path(__file__).parents[3] / "workflows" / "text_to_image.json"
COLUMNS, ACROSS, DOWN = 9, 2150, 700
WATCH = """() => { window.frames_ = []; let last = performance.now();
    (function next() { const now = performance.now(); window.frames_.push(now - last); last = now;
    window.frame_ = requestAnimationFrame(next) })() }"""
STOP = "() => { cancelAnimationFrame(window.frame_); return window.frames_.slice(2) }"
SPOT = """() => { for (const title of document.querySelectorAll(".node-title")) {
    const box = title.getBoundingClientRect();
    if (box.left > 200 && box.right < 1100 && box.top > 100 && box.bottom < 700) return [box.left + 40, box.top + 12];
    } return [700, 400] }"""

Json = dict[str, Any]


def graph_of(url: str, count: int) -> Json:
    """At least `count` nodes: text-to-image again and again, side by side."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/convert", WORKFLOW.read_bytes(), headers)
    with urllib.request.urlopen(request) as answer:
        one: Json = json.load(answer)["result"]
    nodes: list[Json] = []
    links: list[list[Any]] = []
    copies = -(-count // len(one["nodes"]))
    for copy in range(copies):
        node_base, link_base = copy * 100, copy * 100
        nodes += [moved(node, copy, node_base, link_base) for node in one["nodes"]]
        links += [[i + link_base, a + node_base, s, b + node_base, t, kind] for i, a, s, b, t, kind in one["links"]]
    last = copies * 100
    return {**one, "nodes": nodes, "links": links, "last_node_id": last, "last_link_id": last}


def moved(node: Json, copy: int, node_base: int, link_base: int) -> Json:
    x, y = node["pos"]
    inputs = [{**i, "link": None if i.get("link") is None else i["link"] + link_base} for i in node.get("inputs", [])]
    outputs = [{**o, "links": [link + link_base for link in o.get("links") or []]} for o in node.get("outputs", [])]
    pos = [x + copy % COLUMNS * ACROSS, y + copy // COLUMNS * DOWN]
    return {**node, "id": node["id"] + node_base, "pos": pos, "inputs": inputs, "outputs": outputs}


def drag(page: Page, start: tuple[float, float], step: tuple[float, float], count: int = 60) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for i in range(count):
        page.mouse.move(start[0] + step[0] * i, start[1] + step[1] * i)
    page.mouse.up()


def wheel(page: Page, by: int, count: int = 12) -> None:
    page.mouse.move(720, 450)
    for _ in range(count):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(16)


def work(session: CDPSession) -> float:
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * sum(metrics[name] for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration"))


def measure(page: Page, session: CDPSession, act: Callable[[], None]) -> Json:
    page.wait_for_timeout(400)
    before = work(session)
    page.evaluate(WATCH)
    act()
    frames = sorted(page.evaluate(STOP)) or [0.0]
    return {
        "frame": round(statistics.median(frames), 1),
        "p95": round(frames[int(len(frames) * 0.95)], 1),
        "work": round((work(session) - before) / len(frames), 1),
    }


def run(page: Page, url: str, count: int) -> Json:
    graph = json.dumps(graph_of(url, count))
    page.route("**/frames.json", lambda route: route.fulfill(body=graph, content_type="application/json"))
    page.goto(f"{url}/?workflow=frames.json")
    page.wait_for_selector(".react-flow__node .node")
    page.wait_for_timeout(1500)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    found = {"all, pan": measure(page, session, lambda: drag(page, (720, 75), (4, 3)))}
    found["zoom in"] = measure(page, session, lambda: wheel(page, -120))
    found["near, pan"] = measure(page, session, lambda: drag(page, (720, 75), (4, 3)))
    spot = page.evaluate(SPOT)
    found["drag a node"] = measure(page, session, lambda: drag(page, (spot[0], spot[1]), (3, 2)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("nodes", nargs="*", type=int, default=[100, 500, 2000])
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    results: Json = {}
    with sync_playwright() as playwright:
        for count in options.nodes:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            results[str(count)] = run(browser.new_page(viewport={"width": 1440, "height": 900}), options.url, count)
            browser.close()
            for name, found in results[str(count)].items():
                print(f"{count:6} nodes  {name:12} " + "  ".join(f"{k} {v:6.1f} ms" for k, v in found.items()))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
