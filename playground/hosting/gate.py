"""What stands before every request: how many come, how large they are, and what they bring.

A body is read here, as a whole and only up to its limit. So a request that is cut off never
reaches the application, and leaves no file and no traceback.
"""

import asyncio
import contextlib
import logging

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground import faults
from playground.hosting import addresses, uploads
from playground.hosting.settings import MEGABYTE, Settings

LOG = logging.getLogger("playground")
FORM = MEGABYTE // 10  # bytes of a form around its files
UPLOADS = 8  # that are read at the same time
PATIENCE = 30.0  # seconds for the next part of a body
READS = ("GET", "HEAD", "OPTIONS")
FULL = "Too many visitors are drawing at this moment: try again in a moment."


class RefusedError(Exception):
    """Why a request is refused: its status and one sentence."""

    def __init__(self, status: int, sentence: str, **headers: str):
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


class CutOffError(Exception):
    """The visitor has left before the request was complete."""


class Gate:
    """Wraps an application. An exception that it raises is logged under a number, which is all
    that the visitor reads of it.
    """

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app, self._settings = app, settings
        self._rates = addresses.Rates(settings.requests)
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._inside = 0  # requests that are being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._let_in(scope, receive, answer)
        except CutOffError:
            return
        except RefusedError as refusal:
            answered = said(scope["path"], refusal.status, refusal.sentence, refusal.headers)
            await answered(scope, receive, send)
        except Exception as error:
            sentence = faults.unforeseen(error, scope["path"][:80])
            if not begun:
                await said(scope["path"], 500, sentence)(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in READS:
            await self._app(scope, receive, send)
            return
        if wait := self._rates.wait(addresses.of(scope, self._settings.proxies)):
            await self._heard_out(scope, receive)
            raise RefusedError(
                429, f"Too many requests come from your address: go on in {wait} s.",
                **{"Retry-After": str(wait)},
            )  # fmt: skip
        if self._inside >= 2 * self._settings.visitors:
            await self._heard_out(scope, receive)
            raise RefusedError(503, FULL, **{"Retry-After": "5"})
        self._inside += 1
        try:
            await self._read(scope, receive, send)
        finally:
            self._inside -= 1

    async def _heard_out(self, scope: Scope, receive: Receive) -> None:
        """Who is still sending when the answer comes reads a broken connection in its place."""
        with contextlib.suppress(RefusedError):
            await whole(scope, receive, self._settings.request_megabytes)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_upload(scope["path"]):
            body = await whole(scope, receive, self._settings.request_megabytes)
            await self._app(scope, replayed(body, receive), send)
            return
        async with self._uploads:
            body = await whole(scope, receive, self._settings.upload_megabytes, FORM)
            try:
                await uploads.check(body, Headers(scope=scope), self._settings)
            except uploads.UploadError as error:
                raise RefusedError(400, str(error)) from error
            await self._app(scope, replayed(body, receive), send)


def is_upload(path: str) -> bool:
    return path.rstrip("/").endswith("/upload")


def said(path: str, status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """The page shows the plain text of an upload's answer, and of others what is said in JSON."""
    if is_upload(path):
        return PlainTextResponse(sentence, status, headers)
    return JSONResponse({"error": sentence, "detail": sentence}, status, headers)


async def whole(scope: Scope, receive: Receive, megabytes: float, more: int = 0) -> bytes:
    """The body, if it has at most so many `megabytes` and `more` bytes around them; raises
    RefusedError, or CutOffError.
    """
    most = int(megabytes * MEGABYTE) + more
    large = RefusedError(413, f"This is too large: at most {megabytes:g} MB are taken.")
    said = Headers(scope=scope).get("content-length", "0")
    if not said.isdecimal() or int(said) > most:
        raise large
    parts, length = [], 0
    while True:
        try:
            message = await asyncio.wait_for(receive(), PATIENCE)
        except asyncio.TimeoutError as error:
            raise RefusedError(408, "The rest of this request did not arrive.") from error
        if message["type"] == "http.disconnect":
            raise CutOffError
        part = message.get("body", b"")
        length += len(part)
        if length > most:
            raise large
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then what comes later: that the visitor has left."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
