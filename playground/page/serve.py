"""Start the page: `latent-playground serve`, and `python app.py` in a clone."""

import argparse
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from playground.arguments import Parser
from playground.models import offered

ICON = str(Path(__file__).parents[1] / "live" / "icon.svg")
NAME = "GRADIO_SERVER_NAME"
HERE = ("localhost", "127.0.0.1", "::1")

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
    parser.add_argument("--port", type=port, help="port to listen on")
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
    if replicate and options.threads is not None and not options.replicas:
        parser.error("--threads are those of a replica: ask for --replicas, too")
    if replicate and options.replicas:
        elsewhere = functools.partial(replicate, options.replicas, options.threads)
    serve(options.host, options.port, attach, elsewhere)


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text[:20]!r}")
    return int(text)


def serve(
    host: str | None, port: int | None, attach: Attach,
    elsewhere: Callable[["Work | None", Callable[[str], object]], "Opener"] | None = None,
) -> None:  # fmt: skip
    """Build the page, launch it, and load the model in the background. With `elsewhere`, sessions
    are opened as it says. Raises ValueError or OSError with a sentence: a setting, or an address
    that is taken.
    """
    place = listening(host, port)
    # Imported here: options are read without building anything.
    from gradio import Warning as warn  # noqa: N813 (it is a function: a message for a moment)

    from playground.page import serving
    from playground.page.hosting.host import Host
    from playground.page.page import AT_ONCE, CSS, build, theme

    settings = serving.settings()
    if elsewhere:
        serving.draw_elsewhere(elsewhere(serving.work(), warn))
    serving.borrows()
    page = build()
    beside = attach(page, settings)
    hosted = Host(page, settings, serving.stalled, [AT_ONCE, *beside.routes])
    with unproxied(place["server_name"]):
        hosted.launch(
            theme=theme(), css=CSS, footer_links=[], favicon_path=ICON, prevent_thread_lock=True,
            **place, **beside.options,
        )  # fmt: skip
    serving.warm_up()
    hosted.serve()


def listening(host: str | None, port: int | None) -> dict[str, Any]:
    """Where the page listens, as options of `gradio.Blocks.launch`. The host is put into gradio's
    variable, too: which models are offered depends on who can reach the page.
    """
    host = host or os.environ.get(NAME)
    if host and ":" in host:  # IPv6
        # What the variable says when gradio is imported, it binds an IPv4 socket to, to see which
        # port is free: none would be. In brackets because it asks itself at this address.
        os.environ.pop(NAME, None)
        import gradio.http_server  # noqa: F401

        host = f"[{host.strip('[]')}]"
    if host:
        os.environ[NAME] = host
    # Left to gradio, the page would be public on Kaggle, SageMaker and Colab without being asked.
    return {"server_name": host, "server_port": port, "share": offered.shared()}


@contextmanager
def unproxied(host: str | None) -> Iterator[None]:
    """Inside, this machine is asked directly: gradio asks its own address when it starts, where a
    proxy (HTTP_PROXY) would look for it on the proxy's machine.
    """
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    given = before["no_proxy"] or before["NO_PROXY"]
    direct = ",".join(filter(None, (given, *HERE, (host or "").strip("[]"))))
    os.environ.update(dict.fromkeys(before, direct))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
