"""`serve`: start the server, say where it is, and stop it in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import sys
from urllib.parse import quote

from aiohttp import web

from executor.jobs import JobsError
from web.app import make_app
from web.config import Config
from web.logs import Bridge, Logs
from web.options import OptionError


def serve(config: Config) -> None:
    """Serve until SIGINT or SIGTERM. Raises OptionError if it cannot start."""
    logs = Logs(config.log_json)
    tls = _tls(config)
    logging.getLogger().addHandler(bridge := Bridge(logs))
    try:
        asyncio.run(_serve(make_app(config, logs), config, logs, tls))
    except JobsError as error:
        raise OptionError(str(error)) from None
    finally:
        logging.getLogger().removeHandler(bridge)


def _tls(config: Config) -> ssl.SSLContext | None:
    if config.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise OptionError(f"--tls-cert {config.tls_cert}: no certificate with its key can be read: {error}") from None
    return context


async def _serve(app: web.Application, config: Config, logs: Logs, tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    _on_signals(stop)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3.0)
    await runner.setup()
    try:
        addresses = await _listen(runner, config, tls)
        for address in addresses:
            print(_greeting(address, config), flush=True)
        logs.event("info", "ready to serve", addresses=addresses)
        await stop.wait()
        logs.event("info", "stopping")
    finally:
        await runner.cleanup()


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


async def _listen(runner: web.AppRunner, config: Config, tls: ssl.SSLContext | None) -> list[str]:
    """Open the sockets; the addresses where the server is."""
    port = config.port
    found: list[str] = []
    for host in config.listen:
        site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            if host == "::" and found:  # a machine without IPv6
                continue
            raise OptionError(f"cannot listen on {host} port {port}: {_why(error)}") from None
        port = runner.addresses[-1][1]  # the same one everywhere where it was 0
        found.append(f"{config.scheme}://{f'[{host}]' if ':' in host else host}:{port}")
    return found


def _why(error: OSError) -> str:
    hint = "; is another server running? choose another port with --port" if "in use" in str(error).lower() else ""
    return f"{error.strerror or error}{hint}"


def _greeting(address: str, config: Config) -> str:
    """The line that tells people where to go; it holds the token, which the log never does."""
    link = f"{address}/?token={quote(config.token)}" if config.token and sys.stdout.isatty() else address
    token = f"\nToken: {config.token}" if config.token else ""
    return f"Mezzotint is at {link}{token}"
