"""What gradio's routes answer to what no page of ours would send: 4xx and one sentence.

Gradio answers some of it with an error of its own, which would look like a defect, and some by
quoting what was sent.
"""

from collections.abc import Callable

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import API_PREFIX, FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground import faults
from playground.hosting.gate import FULL, said

METHODS = ("GET", "HEAD", "POST")
# Of gradio's routes, what this page has no use for: watching the code, parts made by others,
# recordings, links that store a page's values, pages of other servers, figures of use.
CLOSED = [
    f"{API_PREFIX}/{begin}{{rest:path}}"
    for begin in (
        "component_server", "custom_component/", "deep_link", "dev/", "process_recording", "proxy=",
        "stream/", "undo-vibe-", "vibe-",
    )
] + ["/monitoring{rest:path}", "/pwa_icon/{rest:path}"]  # fmt: skip
NAMED = f"{API_PREFIX}/call/v2/"
DIRECT = (f"{API_PREFIX}/run/", f"{API_PREFIX}/api/")  # answered at once, without the queue
SENTENCES = {
    403: "This is not for visitors.",
    404: "There is nothing at this address.",
    405: "This address is asked by another method.",
    503: FULL,
}
UNFIT = "This request does not fit: {}."
UNKNOWN = f"There is no endpoint of this name: {API_PREFIX}/info names those that there are."


async def _closed(request: Request) -> JSONResponse:
    raise HTTPException(404)


def routes() -> list[BaseRoute]:
    """In the place of gradio's own: they come first."""
    return [Route(path, _closed, methods=METHODS) for path in CLOSED]


def handlers() -> dict[type[Exception], Callable]:
    """How an application answers exceptions."""
    return {
        HTTPException: _refused, RequestValidationError: _unfit, FnIndexInferError: _unknown,
        KeyError: _named, TypeError: _named,
    }  # fmt: skip


async def _refused(request: Request, error: HTTPException):
    detail = error.detail if isinstance(error.detail, str) else "This request cannot be answered."
    sentence = SENTENCES.get(error.status_code, f"{detail.removesuffix('.')}.")
    return said(request.url.path, error.status_code, sentence, error.headers)


async def _unfit(request: Request, error: RequestValidationError):
    """Only where it is wrong and how: what was sent may not even be writable as JSON."""
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"][1:] if not isinstance(part, int))
    return said(request.url.path, 400, UNFIT.format(f"{where}: {first['msg']}".lstrip(": ")))


async def _unknown(request: Request, error: FnIndexInferError):
    return said(request.url.path, 404, UNKNOWN)


async def _named(request: Request, error: Exception):
    """Of a call by names, an endpoint or an argument that is not there; else it is a defect."""
    if not request.url.path.partition(NAMED)[1]:
        raise error
    if isinstance(error, KeyError):
        return said(request.url.path, 404, UNKNOWN)
    return said(request.url.path, 400, UNFIT.format("an argument is unknown, or is missing"))


class Handlers(dict):
    """The page's handlers by their numbers, without a defect for one that is not there."""

    def __missing__(self, number: int):
        raise HTTPException(400, "This page has no such part: load it again.")


def guard(page: gr.Blocks) -> None:
    """Refuse events that name no handler of the page, or bring too many values or too few."""
    page.default_config.fns = Handlers(page.default_config.fns)
    push = page._queue.push

    async def checked(body, request, username):
        if body.session_hash == "":
            return False, UNFIT.format("session_hash is empty"), "error"
        if isinstance(body.fn_index, int):
            handler = page.fns[body.fn_index]
            if not handler.cancels and len(body.data) != len(handler.inputs):
                needed = f"data must have {len(handler.inputs)} values, not {len(body.data)}"
                return False, UNFIT.format(needed), "error"
        return await push(body=body, request=request, username=username)

    page._queue.push = checked


class Direct:
    """Wraps an application. Gradio answers whatever a handler refuses by 500 if the queue was not
    asked; here only what nobody foresaw is one.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not any(path in scope["path"] for path in DIRECT):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 500:
                start = message  # until it is known what it says
                return
            if start:
                foreseen = faults.UNFORESEEN.encode() not in message.get("body", b"")
                await send(start | ({"status": 400} if foreseen else {}))
                start = None
            await send(message)

        await self._app(scope, receive, answer)
