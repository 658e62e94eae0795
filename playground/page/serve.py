"""Start the page: the console script `latent-playground`, and `python app.py` in a clone."""

import argparse
import os
from collections.abc import Sequence
from importlib import metadata


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until the process is ended.

    Without options gradio decides: 127.0.0.1 and the first free port from 7860 on, or what
    GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say.
    """
    parser = argparse.ArgumentParser("latent-playground", description="Open the playground.")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0: the whole network may come")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--version", action="version", version=_version())
    options = parser.parse_args(arguments)
    serve(options.host, options.port)


def _version() -> str:
    """The version of the installed package; a clone has none."""
    try:
        return metadata.version("latent-playground")
    except metadata.PackageNotFoundError:
        return "not installed, run from its files"


def serve(host: str | None = None, port: int | None = None) -> None:
    """Build the page, launch it, and load the model in the background."""
    if host:  # where models that are offered depend on who can reach the page
        os.environ["GRADIO_SERVER_NAME"] = host
    # Imported here: `latent-playground --version` answers without building anything.
    from playground.page import serving
    from playground.page.hosting.host import Host
    from playground.page.page import CSS, build, theme

    hosted = Host(build(), serving.settings(), serving.stalled)
    hosted.launch(
        server_name=host, server_port=port, theme=theme(), css=CSS, footer_links=[],
        prevent_thread_lock=True,
    )  # fmt: skip
    serving.warm_up()
    hosted.serve()
