"""A small page of its own process, served as the playground is: python tests/small_page.py PORT.

`GET /kept` says what is kept of visitors, `GET /drawn` the steps of each run that has begun,
`GET /stop` stops gradio's queue.
"""

import sys
import time

import gradio as gr
import numpy as np
from starlette.responses import JSONResponse
from starlette.routing import Route

from playground.api.attach import attach
from playground.hosting.settings import Settings
from playground.page.hosting import host as hosting
from playground.page.hosting import visits
from playground.page.hosting.blocks import Page
from playground.page.hosting.host import Host

HELD = 2**20  # bytes for each visitor who has drawn
FEW = Settings(
    sessions=12, waiting=16, leave_seconds=1, visitors=4, request_megabytes=0.1,
    session_megabytes=2.5,
)  # fmt: skip


DRAWN: list[int] = []  # the steps of every run that has begun


def draw(words, seed, steps):
    DRAWN.append(steps)
    for step in range(int(steps)):
        yield {"kind": "sampling", "step": step}, None
        time.sleep(0.02)
    yield {"kind": "finished", "words": words}, np.zeros(HELD, np.uint8)


def build() -> gr.Blocks:
    """A button, what it draws with, and what is held for the visitor."""
    with Page(analytics_enabled=False) as page:
        words = gr.Textbox("a cat", elem_id="recipe-prompt")
        seed, steps = gr.Number(0, elem_id="recipe-seed"), gr.Number(1, elem_id="recipe-steps")
        gr.Button("Draw", elem_id="draw").click(
            draw,
            [words, seed, steps],
            [gr.JSON(), gr.State()],
            preprocess=False,
            api_name=False,
        )
    return page


def main(port: int) -> None:
    page, visits.LISTENING, hosting.TIDY = build(), 1, 0.1  # seconds

    async def kept(_) -> JSONResponse:
        queue, states = page._queue, host.visits.states
        return JSONResponse({
            "sessions": len(states.session_data),
            "mailboxes": len(queue.pending_messages_per_session),
            "events": len(queue.event_ids_to_events) + len(queue.pending_event_ids_session),
            "held": sum(visits.weight(dict(s.state_data)) for s in states.session_data.values()),
        })  # fmt: skip

    async def drawn(_) -> JSONResponse:
        return JSONResponse(DRAWN)

    async def stop(_) -> JSONResponse:
        page._queue.close()
        return JSONResponse({})

    routes = [
        Route("/kept", kept),
        Route("/drawn", drawn),
        Route("/stop", stop),
        *attach(page, FEW).routes,
    ]
    host = Host(page, FEW, lambda: 0.0, routes)
    host.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True)
    host.serve(pause=0.2)


if __name__ == "__main__":
    main(int(sys.argv[1]))
