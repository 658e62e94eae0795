"""The endpoints beside a page, in each of their forms."""

from collections.abc import Sequence
from importlib import metadata

import gradio as gr
from starlette.routing import BaseRoute, Mount

from playground.api import http, on_gradio
from playground.api.service import Service
from playground.hosting.settings import Settings


def attach(page: gr.Blocks, settings: Settings) -> Sequence[BaseRoute]:
    """Register gradio's API on a page that is built; returns the routes to be served beside it."""
    service = Service()
    on_gradio.register(page, service)
    return [Mount(http.PREFIX, http.application(service, settings.proxies))]


def has_tools() -> bool:
    """Whether the library of MCP is there, of the generation that gradio knows (extra `mcp`)."""
    try:
        return metadata.version("mcp").startswith("1.")
    except metadata.PackageNotFoundError:
        return False
