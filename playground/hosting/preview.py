"""What a link to the page looks like elsewhere: title, sentence and picture in the served HTML.

Gradio's page names gradio and its picture there, and adds ours by a script, which programs that
show previews do not run.
"""

import html
import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.paths import ASSETS

TITLE = "Latent Playground"
SENTENCE = "See how latent diffusion listens to words: draw, slide guidance, point at a word."
PICTURE, SIZE = ASSETS / "social.png", (1200, 630)
ADDRESS = "/social.png"
META = re.compile(rb"<meta\s[^>]*?(?:og:|twitter:|name=\"description\")[^>]*>\s*")
HEAD_ENDS = b"<script>"  # what follows is the page's own configuration, which is not touched


async def picture(request: Request) -> FileResponse:
    return FileResponse(PICTURE, headers={"cache-control": "public, max-age=86400"})


ROUTE = Route(ADDRESS, picture)


def tags(base: str) -> bytes:
    """The page's own, for an address that begins with `base`: pictures need a whole address."""
    facts: Mapping[str, str] = {
        "og:type": "website", "og:title": TITLE, "og:description": SENTENCE, "og:url": base + "/",
        "og:image": base + ADDRESS, "og:image:width": str(SIZE[0]),
        "og:image:height": str(SIZE[1]), "og:image:alt": "A picture of a cat with a top hat, and "
        "the pixels that the word “hat” stands for.",
    }  # fmt: skip
    named = {"description": SENTENCE, "twitter:card": "summary_large_image"}
    lines = [f"<title>{html.escape(TITLE)}</title>"]
    lines += [f'<meta property="{name}" content="{html.escape(said)}">'
              for name, said in facts.items()]  # fmt: skip
    lines += [f'<meta name="{name}" content="{html.escape(said)}">'
              for name, said in named.items()]  # fmt: skip
    return "\n".join(lines).encode()


def rewritten(page: bytes, base: str, script: str = "") -> bytes:
    """Gradio's page with the tags in the place of its own, and a script before all others; anything
    else as it is.
    """
    head, mark, rest = page.partition(HEAD_ENDS)
    if b"og:title" not in head:
        return page
    first = f"\n<script>\n{script}</script>\n".encode() if script else b"\n"
    return META.sub(b"", head) + tags(base) + first + mark + rest


def base_of(scope: Scope) -> str:
    """Where the page is for who asks, also behind a proxy that says so; a root path may be a whole
    address.
    """
    root = scope.get("root_path", "").rstrip("/")
    if root.startswith(("http://", "https://")):
        return quote(root, safe=":/[]")
    said = Headers(scope=scope)
    scheme = said.get("x-forwarded-proto", scope.get("scheme", "http")).split(",")[-1].strip()
    host = said.get("x-forwarded-host") or said.get("host", "localhost")
    return quote(f"{scheme}://{host}{root}", safe=":/[]")


class Preview:
    """Wraps an application, and rewrites the heads of its pages (see `rewritten`)."""

    def __init__(self, app: ASGIApp, script: str = ""):
        self._app, self._script = app, script

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        parts: list[bytes] = []

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                kind = Headers(raw=message.get("headers", [])).get("content-type", "")
                if kind.startswith("text/html"):
                    start = message  # until its length is known
                    return
            elif start and message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    await whole()
                return
            await send(message)

        async def whole() -> None:
            page = rewritten(b"".join(parts), base_of(scope), self._script)
            headers = MutableHeaders(raw=list(start["headers"]))
            if scope["method"] == "GET":
                headers["content-length"] = str(len(page))
            await send(start | {"headers": headers.raw})
            await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, answer)
