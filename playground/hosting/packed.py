"""What is the same for every visitor, the page and its scripts: made and packed once.

Gradio writes the page anew for each visitor, and 4 MB of text are packed each time. Here whoever
asks for it asks the same: the address alone, without cookies and without what stands behind "?", so
one answer is right for all of them.
"""

import asyncio
import hashlib
from collections import OrderedDict
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.hosting.settings import MEGABYTE

BEGIN = ("/assets/", "/static/")  # besides the page itself
# What an answer may depend on: how the page is called from outside.
TOLD = (b"host", b"x-forwarded-host", b"x-forwarded-proto")
MOST = 64 * MEGABYTE  # bytes of answers that are kept
# Each name that somebody makes up for this place is a page of its own, which takes the processor
# for a third of a second. So many answers are made together, and of one path so many wait for it:
TOGETHER, LINE = 2, 16
FULL = "This page is asked for by too many names: try again in a moment."


class Answer(NamedTuple):
    start: Message
    body: bytes
    tag: str

    @classmethod
    def of(cls, start: Message, body: bytes) -> "Answer":
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-length"] = str(len(body))
        tag = headers["etag"] = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        if headers.get("content-type", "").startswith("text/html"):
            # Browsers keep it, but ask each time whether it is the same.
            headers["cache-control"] = "no-cache"
        return cls(start | {"headers": headers.raw}, body, tag)

    async def sent(self, scope: Scope, send: Send) -> None:
        known = Headers(scope=scope).get("if-none-match", "")
        if self.start["status"] == 200 and self.tag in known:
            left = [pair for pair in self.start["headers"] if pair[0] != b"content-length"]
            await send(self.start | {"status": 304, "headers": left})
            await send({"type": "http.response.body"})
            return
        await send(self.start)
        body = self.body if scope["method"] == "GET" else b""
        await send({"type": "http.response.body", "body": body})


class Packed:
    """Wraps an application, which packs its answers."""

    def __init__(self, app: ASGIApp, most: int = MOST):
        self._app, self._most = app, most
        self._made: OrderedDict[tuple, asyncio.Future[Answer]] = OrderedDict()
        self._makers = asyncio.Semaphore(TOGETHER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_shared(scope):
            await self._app(scope, receive, send)
            return
        asked = plain(scope)
        key = (asked["scheme"], asked["path"], asked.get("root_path"), *asked["headers"])
        if key not in self._made:  # who comes meanwhile waits for the same one
            if self._full(asked["path"]):
                refused = PlainTextResponse(FULL, 503, {"retry-after": "5"})
                await refused(scope, receive, send)
                return
            self._made[key] = asyncio.ensure_future(self._answer(asked))
        making = self._made[key]
        self._made.move_to_end(key)
        try:
            answer = await asyncio.shield(making)  # it goes on if this visitor leaves
        finally:
            self._tidy(key, making)
        await answer.sent(scope, send)

    def _full(self, path: str) -> bool:
        waiting = [key for key, one in self._made.items() if not one.done() and key[1] == path]
        return len(waiting) >= LINE

    async def _answer(self, asked: Scope) -> Answer:
        start: Message = {}
        parts: list[bytes] = []

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        async with self._makers:
            await self._app(asked, _nothing_more(), noted)
        return Answer.of(start, b"".join(parts))

    def _tidy(self, key: tuple, making: asyncio.Future) -> None:
        """Keep no failures, and no more than the limit: what was asked for least lately goes."""
        if making.done() and self._made.get(key) is making and failed(making):
            del self._made[key]
        done = {key: one for key, one in self._made.items() if one.done() and not failed(one)}
        total = sum(len(one.result().body) for one in done.values())
        for key, one in done.items():
            if total <= self._most:
                return
            total -= len(one.result().body)
            del self._made[key]


def failed(making: asyncio.Future[Answer]) -> bool:
    bad = making.cancelled() or making.exception() is not None
    return bad or making.result().start["status"] != 200


def is_shared(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
    return path in ("", "/") or path.startswith(BEGIN)


def plain(scope: Scope) -> Scope:
    """The request without anything that is its visitor's own."""
    headers = [pair for pair in scope["headers"] if pair[0] in TOLD]
    if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
        headers.append((b"accept-encoding", b"gzip"))
    return scope | {
        "method": "GET", "headers": headers, "query_string": b"", "extensions": {},
    }  # fmt: skip


def _nothing_more() -> Receive:
    """An empty request of a visitor who stays: an answer that listens for their leaving waits."""
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        return await asyncio.Event().wait()  # for ever; it is cancelled when the answer is there

    return receive
