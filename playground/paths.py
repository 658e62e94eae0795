"""Where the files that ship with the project are: beside the package in a clone, inside it once
installed."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
ASSETS = next(p for p in (_PACKAGE / "assets", _PACKAGE.parent / "assets") if p.is_dir())
