"""In a real browser: who has the token gets in, and a page of another site gets nothing done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from aiohttp import web
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.web.conftest import Server, shown
from tests.web.served import Served, served

TOKEN = "a token of the test"
ATTACKS = """async server => {
  const socket = new Promise(done => {
    const ws = new WebSocket(server.replace('http', 'ws') + '/ws')
    ws.onopen = () => done('open')
    ws.onerror = () => done('refused')
  })
  const image = new Promise(done => {
    const img = new Image()
    img.onload = () => done('shown')
    img.onerror = () => done('refused')
    img.src = server + '/view?filename=a.png&type=input'
  })
  const clear = mode =>
    fetch(server + '/queue', {method: 'POST', body: '{"clear": true}', mode}).then(r => r.type, () => 'refused')
  return {
    read: await fetch(server + '/queue').then(r => r.status, () => 'refused'),
    json: await clear('cors'),
    blind: await clear('no-cors'),
    socket: await socket,
    image: await image,
  }
}"""


async def _elsewhere(request: web.Request) -> web.Response:
    """A page of another site: a link to us, and a form that sends to us, when it is clicked."""
    to = request.query["to"]
    field = """<input name='{"clear": true, "a' value='":1}'>"""
    form = f'<form method="post" enctype="text/plain" action="{to}/queue">{field}<button>send</button></form>'
    return web.Response(text=f'<a href="{to}/">link</a>{form}', content_type="text/html")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new profile, which may also go to localhost: to a browser another site than 127.0.0.1."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def evil() -> Iterator[Served]:
    app = web.Application()
    app.router.add_get("/", _elsewhere)
    with served(app) as server:
        yield server


def test_the_token_opens_the_page_once_and_for_all(serve: Callable[..., Server], page: Page, evil: Served):
    server = serve("--token", TOKEN)
    page.goto(server.url)
    for token in ("not this one", TOKEN):
        assert page.locator("[role=alert]").count() == (token == TOKEN)
        page.fill("input[name=token]", token)
        page.get_by_role("button").click()
        page.wait_for_load_state()
    assert page.url == f"{server.url}/"
    assert page.evaluate("fetch('/queue').then(r => r.status)") == 200
    page.goto(f"http://localhost:{evil.port}/?to={server.url}")
    with page.expect_navigation(url=f"{server.url}/"):
        page.get_by_role("link").click()
    page.wait_for_function("fetch('/queue').then(r => r.status === 200)")


def test_another_site_gets_nothing_done(serve: Callable[..., Server], page: Page, evil: Served):
    server = serve()
    Image.new("RGB", (8, 8), "red").save(server.base / "input" / "a.png")
    server.ask("/queue", {"pause": True})
    job = server.submit(shown("waits"))
    page.goto(f"http://localhost:{evil.port}/?to={server.url}")
    tried = page.evaluate(ATTACKS, server.url)
    assert tried == dict.fromkeys(("read", "json", "blind", "socket", "image"), "refused")
    with page.expect_navigation():
        page.get_by_role("button").click()
    assert json.loads(page.locator("body").inner_text())["error"]["type"] == "forbidden_origin"
    assert [waiting[1] for waiting in server.get("/queue")["queue_pending"]] == [job]
