"""What a browser is told about the page: what it may load, who may frame it."""

import os
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SPACES = "https://huggingface.co https://*.hf.space"

# Gradio's page begins with scripts inside its HTML, compiles the templates and scripts of its HTML
# components in the browser (new Function), and styles by attributes: so scripts and styles may be
# inline and may be compiled. Nothing may come from elsewhere, and nothing may be sent elsewhere.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
PLAIN = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def of(frames: str = "", environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The headers of every answer; `frames` are sites that may show the page inside theirs."""
    on_space = SPACES if environment.get("SPACE_ID") else ""
    ancestors = " ".join(filter(None, ("'self'", frames, on_space)))
    policy = POLICY | {"frame-ancestors": ancestors}
    said = "; ".join(f"{name} {value}" for name, value in policy.items())
    return PLAIN | {"content-security-policy": said}


class Headers:
    """Adds them to every answer that does not say otherwise."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]):
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message.get("headers", ())}
                more = [pair for pair in self._headers if pair[0] not in known]
                message = message | {"headers": [*message.get("headers", ()), *more]}
            await send(message)

        await self._app(scope, receive, answer if scope["type"] == "http" else send)
