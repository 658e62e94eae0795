"""What follows the visitor's typing at once is asked for and answered past gradio's events.

For each event gradio's page looks through all of its parts several times, which takes as long as
two calls of the network. `at_once.js` asks `POST /at-once/VIEW`, and hands the view its data.
"""

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import faults
from playground.page import live, serving
from playground.page.guidance import sweeping
from playground.page.studio.views.explorer import message  # the same in every view
from playground.recipe import VERSION, Recipe, RecipeError

PATH = "/at-once/{view}"
ASK = (Path(__file__).parent / "at_once.js").read_text(encoding="utf-8")
# Packing takes longer than it saves: most of it are pictures and shares of attention.
PLAIN = {"content-encoding": "identity"}
# Data of the view for a recipe of a visitor, asked for at a moment of the browser's clock; None if
# something newer has been asked for meanwhile.
Answer = Callable[[Recipe, str, float], dict | None]
LEFT = 0.2  # seconds between looks whether the client is still there


@dataclass(frozen=True)
class Asked:
    """The body of a request: what is to be drawn, for whom, and when it was asked for (ms)."""

    recipe: Recipe
    visitor: str
    moment: float

    @classmethod
    def read(cls, body: bytes) -> "Asked":
        """RecipeError, in words that fit the page, for what it cannot be."""
        try:
            said = json.loads(body)
            fields, visitor = dict(said["recipe"]), said["visitor"]
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise RecipeError("What was sent does not fit this part of the page.") from error
        if not (isinstance(visitor, str) and 0 < len(visitor) <= 100):
            raise RecipeError("The page does not say whose it is: load it again.")
        return cls(
            Recipe.from_dict({"v": VERSION} | fields), visitor, live.moment(said.get("asked"))
        )


def connect(page: gr.Blocks) -> None:
    """Let the page ask, as the visitor that gradio takes it for: turns are taken by visitor."""
    visitor = gr.Textbox(visible="hidden", elem_id="visitor")

    def on_load(request: gr.Request):
        return request.session_hash

    page.load(on_load, None, visitor, queue=False, show_progress="hidden", api_visibility="private")
    page.load(None, js=ASK)


@functools.lru_cache(maxsize=1)
def threads() -> ThreadPoolExecutor:
    """As many as visitors may draw at the same time."""
    return ThreadPoolExecutor(serving.settings().visitors, "at-once")


# Ends the run of what was asked for; its answer then comes by itself.
End = Callable[[Asked], object]


def stop_picture(asked: Asked) -> None:
    live.stop(asked.recipe, asked.visitor)


def stop_strip(asked: Asked) -> None:
    """One of the same moment takes over, and ends; one that was asked for later goes on."""
    if session := serving.opened(asked.recipe.model, asked.recipe.lora):
        recipe, section = serving.check(asked.recipe), f"{live.SECTION} {sweeping.SECTION}"
        with session.submit([recipe], visitor=asked.visitor, section=section, asked=asked.moment):
            pass


ENDS: Mapping[str, End] = {"explorer": stop_picture, "filmstrip": stop_strip}  # by the view


def route(answers: Mapping[str, Answer], ends: Mapping[str, End] = ENDS) -> Route:
    """`answers` are those of the views that follow at once, of any model: a visitor may switch it
    on for slow ones, too. What is drawn for a client who leaves is given up by the view's `ends`.
    """

    async def answer(request: Request) -> Response:
        view = request.path_params["view"]
        if view not in answers:
            raise HTTPException(404)
        body = await request.body()
        job = threads().submit(written, answers[view], body)
        found = await awaited(request, job, functools.partial(given_up, ends[view], body))
        return Response(found, 200 if found else 204, PLAIN, media_type="application/json")

    return Route(PATH, answer, methods=["POST"])


async def awaited(request: Request, job: Future[bytes], end: Callable[[], object]) -> bytes:
    """What the job makes. If the client leaves, it is not begun, or is told to `end` until it has:
    its run may begin only after that was said for the first time, when its model is there.
    """
    made = asyncio.wrap_future(job)
    while not (await asyncio.wait([made], timeout=LEFT))[0]:
        if await request.is_disconnected():
            if job.cancel():
                return b""
            await asyncio.to_thread(end)
    return made.result()


def given_up(end: End, body: bytes) -> None:
    """Nobody hears what went wrong: the answer itself has said it, or the log."""
    with contextlib.suppress(ValueError):
        end(Asked.read(body))


def written(make: Answer, body: bytes) -> bytes:
    """What a view is to show, as JSON; empty for nothing. Whatever is refused is a sentence."""
    try:
        asked = Asked.read(body)
        found = make(asked.recipe, asked.visitor, asked.moment)
    except Exception as error:  # what nobody expected is told in the log
        found = message(faults.told(error, "drawing while typing"), error=True)
    return b"" if found is None else json.dumps(found, separators=(",", ":")).encode()
