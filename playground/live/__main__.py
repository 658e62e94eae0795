"""python -m playground.live OUT writes the edition of the browser; --serve opens it here."""

import argparse
import sys
from pathlib import Path

from playground.live import export, serve
from playground.live.folder import FolderError


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m playground.live",
        description="Write the edition that runs in a browser into a folder of static files.",
    )
    parser.add_argument("out", nargs="?", type=Path, default=Path("build/live"), help="the folder")
    parser.add_argument("--serve", action="store_true", help="then serve it")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: for others in the network")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args(arguments)
    try:
        manifest = export.write(chosen.out)
    except FolderError as error:
        sys.exit(str(error))
    size = sum(path.stat().st_size for path in chosen.out.rglob("*") if path.is_file())
    print(f"{chosen.out}: {len(manifest['files']) + 1} files, {size / 1e6:.1f} MB")
    if chosen.serve:
        serve.serve(chosen.out, chosen.host, chosen.port)


if __name__ == "__main__":
    main()
