"""The endpoints beside a page, in each of their forms."""

from importlib import metadata

import gradio as gr
from starlette.routing import Mount

from playground.api import http, on_gradio
from playground.api.service import AT_ONCE, Gate, Service
from playground.hosting.settings import Settings
from playground.page.serve import Beside


def attach(page: gr.Blocks, settings: Settings) -> Beside:
    """Register gradio's API on a page that is built; what is to be served beside it."""
    service = Service(gate=Gate(min(AT_ONCE, settings.visitors)), proxies=settings.proxies)
    on_gradio.register(page, service)
    routes = [Mount(http.PREFIX, http.application(service))]
    return Beside(routes, {"mcp_server": has_tools()})


def has_tools() -> bool:
    """Whether the library of MCP is there, of the generation that gradio knows (extra `mcp`)."""
    try:
        return metadata.version("mcp").startswith("1.")
    except metadata.PackageNotFoundError:
        return False
