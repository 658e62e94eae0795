"""The endpoints beside a page, in each of their forms."""

from importlib import metadata

import gradio as gr
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.api import http, on_gradio
from playground.api.service import AT_ONCE, Gate, Service
from playground.hosting.settings import Settings
from playground.page.serve import Beside


def attach(page: gr.Blocks, settings: Settings) -> Beside:
    """Register gradio's API on a page that is built; what is to be served beside it."""
    service = Service(gate=Gate(min(AT_ONCE, settings.visitors)), proxies=settings.proxies)
    on_gradio.register(page, service)
    routes = [Mount(http.PREFIX, Below(http.application(service)))]
    return Beside(routes, {"mcp_server": has_tools()})


class Below:
    """Wraps an application that is mounted, also where a proxy has taken the page's root path off.

    A Mount adds its own path to the root path, by which the path must begin: it is put on again.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outside, path = scope["app_root_path"], scope["path"]
        root = outside.rstrip("/") + scope["root_path"].removeprefix(outside)
        if not path.startswith(root):
            path = outside.rstrip("/") + path
        await self._app(scope | {"root_path": root, "path": path}, receive, send)


def has_tools() -> bool:
    """Whether the library of MCP is there, of the generation that gradio knows (extra `mcp`)."""
    try:
        return metadata.version("mcp").startswith("1.")
    except metadata.PackageNotFoundError:
        return False
