"""What stands before every request: how many come, how large they are, and what they bring.

A body is read here, as a whole and only up to its limit. So a request that is cut off never
reaches the application, and leaves no file and no traceback; and one that arrives slowly takes
nobody's place.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground import faults
from playground.hosting import addresses, uploads
from playground.hosting.settings import MEGABYTE, Settings

LOG = logging.getLogger("playground")
FORM = MEGABYTE // 10  # bytes of a form around its files
UPLOADS = 8  # that are looked at and stored at the same time
# A body may stand still for so many seconds in all. Each part makes good what it takes at the
# slowest rate (bytes a second: 20 MB in 17 minutes), but saves up nothing beyond that.
PATIENCE, SLOWEST = 30.0, 20_000
READS = ("GET", "HEAD", "OPTIONS")
FULL = "Too many visitors are drawing at this moment: try again in a moment."


class RefusedError(Exception):
    """Why a request is refused: its status and one sentence."""

    def __init__(self, status: int, sentence: str, **headers: str):
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


class CutOffError(Exception):
    """The visitor has left before the request was complete."""


class Room:
    """Memory for the bodies of requests that arrive, or are being answered."""

    def __init__(self, most: float):
        self._left = most

    @contextlib.asynccontextmanager
    async def whole(self, arriving: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body, which has its memory until it is not needed any more. If there is none for one
        of its parts, nothing of it is kept: RefusedError when all has come.
        """
        kept, length, fits = list[bytes](), 0, True
        try:
            async for part in arriving:
                if fits := fits and len(part) <= self._left:
                    kept.append(part)
                    self._left, length = self._left - len(part), length + len(part)
                else:
                    kept.clear()
                    self._left, length = self._left + length, 0
            if not fits:
                raise busy()
            body = b"".join(kept)
            kept.clear()
            yield body
        finally:
            self._left += length


class Gate:
    """Wraps an application. An exception that it raises is logged under a number, which is all
    that the visitor reads of it.
    """

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app, self._settings = app, settings
        self._rates = addresses.Rates(settings.requests)
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._most = 2 * settings.visitors
        self._inside = 0  # requests that are being answered
        # As much as of those that are answered, as if each were as large as it may be.
        self._files = Room(UPLOADS * (settings.upload_megabytes * MEGABYTE + FORM))
        self._others = Room(self._most * settings.request_megabytes * MEGABYTE)

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
        await (self._upload if is_upload(scope["path"]) else self._ask)(scope, receive, send)

    async def _heard_out(self, scope: Scope, receive: Receive) -> None:
        """Who is still sending when the answer comes reads a broken connection in its place."""
        with contextlib.suppress(RefusedError):
            async for _ in parts(scope, receive, self._settings.request_megabytes):
                pass

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        arriving = parts(scope, receive, self._settings.request_megabytes)
        async with self._others.whole(arriving) as body:
            await self._answer(scope, replayed(body, receive), send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        arriving = parts(scope, receive, self._settings.upload_megabytes, FORM)
        async with self._files.whole(arriving) as body, self._uploads:
            try:
                await uploads.check(body, Headers(scope=scope), self._settings)
            except uploads.UploadError as error:
                raise RefusedError(400, str(error)) from error
            await self._answer(scope, replayed(body, receive), send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._inside >= self._most:
            raise busy()
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1


def busy() -> RefusedError:
    return RefusedError(503, FULL, **{"Retry-After": "5"})


def is_upload(path: str) -> bool:
    return path.rstrip("/").endswith("/upload")


def said(path: str, status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """The page shows the plain text of an upload's answer, and of others what is said in JSON."""
    if is_upload(path):
        return PlainTextResponse(sentence, status, headers)
    return JSONResponse({"error": sentence, "detail": sentence}, status, headers)


async def parts(
    scope: Scope, receive: Receive, megabytes: float, more: int = 0
) -> AsyncIterator[bytes]:
    """Those of the body, if it has at most so many `megabytes` and `more` bytes around them; raises
    RefusedError, or CutOffError.
    """
    most = int(megabytes * MEGABYTE) + more
    large = RefusedError(413, f"This is too large: at most {megabytes:g} MB are taken.")
    said = Headers(scope=scope).get("content-length", "0")
    if not said.isdecimal() or int(said) > most:
        raise large
    length, patience, clock = 0, PATIENCE, asyncio.get_running_loop().time
    while True:
        asked = clock()
        try:
            message = await asyncio.wait_for(receive(), patience)
        except asyncio.TimeoutError as error:
            raise RefusedError(408, "The rest of this request did not arrive.") from error
        if message["type"] == "http.disconnect":
            raise CutOffError
        part = message.get("body", b"")
        length += len(part)
        if length > most:
            raise large
        patience = min(patience - (clock() - asked) + len(part) / SLOWEST, PATIENCE)
        yield part
        if not message.get("more_body"):
            return


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
