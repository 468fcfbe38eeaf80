"""How smooth the editor is: frames while graphs are panned, zoomed and edited in Chromium.

    python bench/editor.py

Every time stands beside that of an empty canvas in the same browser, which draws at the display's rate. Needs
Chromium and the Playwright package (`pip install -e ".[test]"`).
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
SIZES = (0, 100, 500, 2_000)
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
COUNT = """() => { window.frames_ = []; let last = performance.now();
  const next = now => { frames_.push(now - last); last = now; window.counting_ = requestAnimationFrame(next); };
  window.counting_ = requestAnimationFrame(next); }"""
COUNTED = "() => { cancelAnimationFrame(window.counting_); return window.frames_.slice(2) }"
BEGIN = "() => { document.querySelector('.canvas').dataset.old = ''; window.began_ = performance.now() }"
CALM = """() => new Promise(done => { let last = performance.now(), calm = 0;
  const next = now => { calm = now - last < 100 ? calm + 1 : 0; last = now;
    if (calm < 5) requestAnimationFrame(next); else done(now - window.began_) };
  requestAnimationFrame(next); })"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def graph(count: int) -> dict[str, Any]:
    """Samplers in rows, each fed by the one before: many widgets and links."""
    found: dict[str, Any] = {}
    for i in range(count):
        inputs: dict[str, Any] = {"seed": i, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal"}
        if i % 10:
            inputs["latent_image"] = [str(i - 1), 0]
        found[str(i)] = {"class_type": "KSampler", "inputs": inputs | {"denoise": 1.0}}
    return found


@contextmanager
def served() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as base:
        line = [sys.executable, str(ROOT / "main.py"), "serve", "--port", "0", "--base-directory", base]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
            assert running.stdout is not None
            try:
                yield running.stdout.readline().split()[-1]
            finally:
                running.terminate()


def open_graph(page: Page, count: int, folder: Path) -> float:
    """Milliseconds from choosing a file to a canvas that answers."""
    file = folder / f"{count}.json"
    file.write_text(json.dumps(graph(count)))
    page.get_by_role("button", name="Menu", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Open file…").click()
    page.evaluate(BEGIN)
    chooser.value.set_files(file)
    page.locator(".canvas:not([data-old]) .node").first.wait_for()
    took: float = page.evaluate(CALM)
    page.wait_for_timeout(1_000)
    return took


def near(page: Page) -> None:
    """Zoom in until widgets can be read: from far away they are not drawn."""
    for _ in range(20):
        if page.get_by_role("spinbutton", name="steps").count():
            return
        page.get_by_role("button", name="Zoom in").click()
        page.wait_for_timeout(300)


def frames(page: Page, what: str) -> list[float]:
    """Milliseconds between the frames of one movement, sorted."""
    page.mouse.move(700, 450)
    if what == "edit":
        near(page)
    page.evaluate(COUNT)
    if what == "pan":
        page.mouse.down(button="middle")
        for i in range(60):
            page.mouse.move(700 + 3 * i, 450 + 2 * i)
        page.mouse.up(button="middle")
    elif what == "zoom":
        for i in range(40):
            page.mouse.wheel(0, -40 if i < 20 else 40)
    else:
        page.get_by_role("spinbutton", name="steps").first.focus()
        for _ in range(40):
            page.keyboard.press("ArrowUp")
    return sorted(page.evaluate(COUNTED))


def main() -> None:
    figures: dict[str, float] = {}
    bundle = sum(len(gzip.compress(p.read_bytes())) for p in (ROOT / "web/static").rglob("*") if p.is_file())
    figures["bundle_kb_gzip"] = bundle / 1000
    print(f"bundle: {bundle / 1000:.0f} kB gzipped, {bundle / 350_000:.2f} of the limit of 350")
    program = shutil.which("chromium")
    with served() as url, tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET.split())
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(url)
        page.get_by_role("button", name="Skip the tour").click()
        figures["first_paint_ms"] = page.evaluate(PAINT)
        print(f"first paint: {figures['first_paint_ms']:.0f} ms")
        page.get_by_role("button", name="New workflow").click()
        print(f"{'nodes':>6} {'what':>5} {'median ms':>10} {'p95 ms':>8}   of an empty canvas' median")
        for count in SIZES:
            took = open_graph(page, count or 1, Path(folder))
            figures[f"open_{count}"] = took
            print(f"{count or 1:>6} {'open':>5} {took:>10.1f} {'':>8}   {took / figures['open_0']:.2f}")
            if not count:
                page.get_by_role("button", name="New workflow").click()
            for what in ("pan", "zoom", "edit") if count else ("pan", "zoom"):
                times = frames(page, what)
                median, late = times[len(times) // 2], times[len(times) * 95 // 100]
                figures[f"{what}_{count}"], figures[f"{what}_{count}_p95"] = median, late
                base = figures["pan_0" if what == "edit" else f"{what}_0"]
                print(f"{count:>6} {what:>5} {median:>10.1f} {late:>8.1f}   {median / base:.2f}")
        browser.close()
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
