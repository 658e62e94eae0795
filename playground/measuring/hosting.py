"""All figures of docs/hosting.md of one page: python -m playground.measuring hosting

Starts a page, measures, stops it. On free cores it takes under 20 minutes; nothing else should run
meanwhile. `--count` is of pictures a visitor: 1 tries in a few minutes whether all of it works.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import httpx
import psutil

from playground.measuring import load, opening, soak
from playground.measuring.load_client import PROMPT
from playground.measuring.load_tables import STUDENT

PROGRAMS = (1, 32)  # that ask the API at the same time; more are told to ask again
STARTED, ASIDE = 300, 3  # seconds that a start may take; of looking whether a page works aside
IDLE = 15  # percent of a core


def measure(count: int = load.EACH) -> None:
    """`count` pictures a visitor, and as much less of everything else."""
    share = count / load.EACH
    with page() as url:
        opening.measure(url)
        load.measure(url, count)
        load.measure(url, count, STUDENT)
        load.measure(url, count, api=True, visitors=PROGRAMS)
        load.measure(url, count, STUDENT, api=True, visitors=PROGRAMS)
        load.against(url, count)
    with page() as url:
        soak.measure(url, max(1, round(share * soak.RUNS)))
        soak.flood(url, max(1, round(share * soak.JOINS)), max(1, round(share * soak.UPLOADS)))
    # In a process of its own: this one has had the threads of all these visitors.
    command = [sys.executable, "-m", "playground.measuring", "beside", "--count", str(count)]
    subprocess.run(command, check=True)


@contextmanager
def page() -> Iterator[str]:
    """The address of a page of its own process, which has drawn with each model and rests."""
    with socket.socket() as free, TemporaryDirectory() as files:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "playground", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=os.environ | {"GRADIO_TEMP_DIR": files})
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait(url: str, process: subprocess.Popen) -> None:
    """Until it answers, has drawn, and has prepared its fastest backends in the background."""
    end = time.monotonic() + STARTED
    while True:
        try:
            httpx.get(f"{url}/health", timeout=1)
            break
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("The page did not start.") from None
            time.sleep(0.5)
    for model in (None, STUDENT):
        asked = {"prompt": PROMPT} | ({"model": model} if model else {})
        httpx.post(f"{url}/api/v1/draw", json=asked, timeout=STARTED).raise_for_status()
        while psutil.Process(process.pid).cpu_percent(ASIDE) > IDLE and time.monotonic() < end:
            pass
