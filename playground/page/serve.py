"""Start the page: `latent-playground serve`, and `python app.py` in a clone."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from playground.arguments import Parser

if TYPE_CHECKING:
    import gradio as gr

    from playground.hosting.settings import Settings


class Beside(NamedTuple):
    """What is served beside the page: its routes, and more options of `gradio.Blocks.launch`."""

    routes: Sequence[Any] = ()
    options: dict[str, Any] = {}  # noqa: RUF012 (nobody writes to it)


Attach = Callable[["gr.Blocks", "Settings"], Beside]


def main(arguments: Sequence[str] | None = None, attach: Attach = lambda *_: Beside()) -> None:
    """Serve the page until the process is ended; `attach` adds to it what is served beside it.

    Without options gradio decides: 127.0.0.1 and the first free port from 7860 on, or what
    GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say.
    """
    parser = Parser("latent-playground serve", "Open the page.")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0: the whole network may come")
    parser.add_argument("--port", type=int, help="port to listen on")
    options = parser.parse_args(arguments)
    serve(options.host, options.port, attach)


def serve(host: str | None, port: int | None, attach: Attach) -> None:
    """Build the page, launch it, and load the model in the background."""
    if host:  # where models that are offered depend on who can reach the page
        os.environ["GRADIO_SERVER_NAME"] = host
    # Imported here: options are read without building anything.
    from playground.hosting.settings import SettingsError
    from playground.page import serving
    from playground.page.hosting.host import Host
    from playground.page.page import CSS, build, theme

    try:
        settings = serving.settings()
    except SettingsError as error:
        raise SystemExit(f"latent-playground: {error}") from error
    page = build()
    beside = attach(page, settings)
    hosted = Host(page, settings, serving.stalled, beside.routes)
    hosted.launch(
        server_name=host, server_port=port, theme=theme(), css=CSS, footer_links=[],
        prevent_thread_lock=True, **beside.options,
    )  # fmt: skip
    serving.warm_up()
    hosted.serve()
