"""ZeroGPU's own machinery without its GPU: python tests/zero_gpu.py FOLDER, of a tiny checkpoint.

The package `spaces` lends, forks, pickles and releases as on a Space; what lends is a server here,
and what moves weights onto a GPU does nothing. Prints as JSON what became of each run.
"""

import json
import os
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil

ASKED: list[str] = []
QUOTA = threading.Event()  # set: there is none left
LENT = {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "none", "allowToken": "one"}


class Lender(BaseHTTPRequestHandler):
    """The API that `spaces` asks for a device."""

    def do_POST(self) -> None:
        ASKED.append(self.path[1:].partition("?")[0])
        over = ASKED[-1] == "schedule" and QUOTA.is_set()
        body = json.dumps({"left": 3, "wait": "01:00:00"} if over else LENT).encode()
        self.send_response(429 if over else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def lend() -> None:
    """Import `spaces` as on a Space. It finds no torch, so that it patches no CUDA."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lender)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["SPACES_ZERO_GPU"] = "true"
    os.environ["SPACES_ZERO_DEVICE_API_URL"] = f"http://127.0.0.1:{server.server_port}"
    sys.modules["torch"] = None
    import spaces  # noqa: F401

    del sys.modules["torch"]


def main(folder: str) -> dict:
    lend()
    import numpy as np

    from playground.engine import local, zerogpu
    from playground.engine.events import Failure, Picture
    from playground.recipe import Recipe

    lent = zerogpu.open_session(folder)
    recipe = replace(Recipe.for_model(folder, lent.defaults), prompt="a red square", steps=4)
    found: dict = {}

    def run(name: str, recipe: Recipe, after_two=lambda run: None):
        ASKED.clear()
        events = []
        with lent.submit([recipe], record=True, visitor="ann") as one:
            for event in one:
                events.append(event)
                if len(events) == 2:
                    after_two(one)
        failed = [event.reason for event in events if isinstance(event, Failure)]
        found[name] = {"events": len(events), "failed": failed, "asked": list(ASKED)}
        return next((event for event in events if isinstance(event, Picture)), None)

    there = run("drawn", recipe)
    (here,) = (e for e in local.open_session(folder).submit([recipe]) if isinstance(e, Picture))
    found["away"] = int(np.abs(there.image.astype(int) - here.image).max())
    run("cancelled", replace(recipe, steps=90), lambda one: one.cancel())
    run("killed", replace(recipe, steps=100),
        lambda one: [child.kill() for child in psutil.Process().children()])  # fmt: skip
    QUOTA.set()
    run("no quota", recipe)
    QUOTA.clear()
    run("again", recipe)
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
    for child in psutil.Process().children():  # they were forked for runs, and wait for more
        child.kill()
