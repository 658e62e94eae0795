"""Serve a folder of the live edition, with nothing but Python itself: python3 serve.py

A copy of this file lies in every folder, so that a class can open it from a USB stick.
"""

import argparse
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Only an isolated page may compute with several threads (https://web.dev/articles/coop-coep).
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
        ".gz": "application/octet-stream",  # unpacked by the page, not by the browser
    }

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args) -> None:
        """A visit is hundreds of lines that nobody reads."""


def server(folder: Path, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    return ThreadingHTTPServer((host, port), partial(Handler, directory=str(folder)))


def serve(folder: Path, host: str, port: int) -> None:
    """Until Ctrl+C."""
    with server(folder, host, port) as running:
        print(f"Latent Playground: http://{host}:{running.server_port}/  (Ctrl+C ends it)")
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve this folder.")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: for others in the network")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args()
    serve(Path(__file__).parent, chosen.host, chosen.port)
