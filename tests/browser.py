"""A running playground and a real Chromium, for the page's tests and its screenshot."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DRAWN = "document.querySelector('#explorer .status')?.textContent.startsWith('Drawn')"
STARTUP = 120  # seconds
LONGEST = 120_000  # milliseconds that a test waits for the page


@contextmanager
def running_app() -> Iterator[str]:
    """The address of a playground that lives inside the `with`."""
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def ran(work: Coroutine):
    """What it returns, from a loop in a thread of its own: Playwright's loop runs in ours."""
    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, work).result()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(url: str, server: subprocess.Popen) -> None:
    """Until the server answers."""
    for _ in range(2 * STARTUP):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            if server.poll() is not None:
                raise RuntimeError("the app ended by itself") from None
            time.sleep(0.5)
    raise TimeoutError(f"no page after {STARTUP} s")


def asked(page) -> list[str]:
    """Fills with every request that asks the server to compute something, from now on."""
    found = []

    def note(request) -> None:
        if "/gradio_api/" in request.url and request.method == "POST":
            found.append(request.url)

    page.on("request", note)
    return found


def pending(page) -> set:
    """The requests that the server is answering without a queue; fills and empties by itself."""
    waiting = set()

    def begun(request) -> None:
        if "/gradio_api/run/" in request.url:
            waiting.add(request)

    page.on("request", begun)
    page.on("requestfinished", lambda request: waiting.discard(request))
    page.on("requestfailed", lambda request: waiting.discard(request))
    return waiting


def answered(page, action: Callable[[], None]) -> None:
    """Do what asks the server without a queue (every Stop does), and return when the server has
    answered and the page has shown the answer.
    """
    with page.expect_response(lambda found: "/gradio_api/run/" in found.url):
        action()
    painted(page)


def painted(page) -> None:
    """Two frames later: what had arrived is drawn."""
    page.evaluate("() => new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)))")


@contextmanager
def chromium():
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
