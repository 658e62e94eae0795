"""Start the page: `latent-playground serve`, and `python app.py` in a clone."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from playground.arguments import Parser

ICON = str(Path(__file__).parents[1] / "live" / "icon.svg")

if TYPE_CHECKING:
    import gradio as gr

    from playground.engine.sessions import Opener
    from playground.engine.work import Work
    from playground.hosting.settings import Settings


class Beside(NamedTuple):
    """What is served beside the page: its routes, and more options of `gradio.Blocks.launch`."""

    routes: Sequence[Any] = ()
    options: dict[str, Any] = {}  # noqa: RUF012 (nobody writes to it)


Attach = Callable[["gr.Blocks", "Settings"], Beside]
# Number, threads, limits of a visitor's work, and how to tell a visitor a sentence.
Replicate = Callable[[str, int | None, "Work | None", Callable[[str], object]], "Opener"]


def main(
    arguments: Sequence[str] | None = None, attach: Attach = lambda *_: Beside(),
    replicate: Replicate | None = None,
) -> None:  # fmt: skip
    """Serve the page until the process is ended; `attach` adds to it what is served beside it, and
    `replicate` starts replicas of the engine, if they are asked for and it can.

    Without options gradio decides: 127.0.0.1 and the first free port from 7860 on, or what
    GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say.
    """
    parser = Parser("latent-playground serve", "Open the page.")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0: the whole network may come")
    parser.add_argument("--port", type=int, help="port to listen on")
    if replicate:
        parser.add_argument(
            "--replicas", metavar="N", default="",
            help="draw in processes of their own, or on a cluster, by Ray Serve: a number of "
            "replicas, or a range of which as many run as are needed, such as 1-4",
        )  # fmt: skip
        parser.add_argument(
            "--threads", type=int, help="of each replica; else the processor's cores are shared out"
        )
    options = parser.parse_args(arguments)
    elsewhere = None
    if replicate and options.replicas:
        elsewhere = functools.partial(replicate, options.replicas, options.threads)
    serve(options.host, options.port, attach, elsewhere)


def serve(
    host: str | None, port: int | None, attach: Attach,
    elsewhere: Callable[["Work | None", Callable[[str], object]], "Opener"] | None = None,
) -> None:  # fmt: skip
    """Build the page, launch it, and load the model in the background. With `elsewhere`, sessions
    are opened as it says.
    """
    if host:  # where models that are offered depend on who can reach the page
        os.environ["GRADIO_SERVER_NAME"] = host
    # Imported here: options are read without building anything.
    from gradio import Warning as warn  # noqa: N813 (it is a function: a message for a moment)

    from playground.hosting.settings import SettingsError
    from playground.page import serving
    from playground.page.hosting.host import Host
    from playground.page.page import AT_ONCE, CSS, build, theme

    try:
        settings = serving.settings()
    except SettingsError as error:
        raise SystemExit(f"latent-playground: {error}") from error
    if elsewhere:
        serving.draw_elsewhere(elsewhere(serving.work(), warn))
    serving.borrows()
    page = build()
    beside = attach(page, settings)
    hosted = Host(page, settings, serving.stalled, [AT_ONCE, *beside.routes])
    hosted.launch(
        server_name=host, server_port=port, theme=theme(), css=CSS, footer_links=[],
        favicon_path=ICON,
        prevent_thread_lock=True, **beside.options,
    )  # fmt: skip
    serving.warm_up()
    hosted.serve()
