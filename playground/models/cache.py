"""Small files that are made once and kept in the user's cache folder."""

import json
import os
import tempfile
from pathlib import Path

FOLDER = "LATENT_PLAYGROUND_CACHE"


def folder() -> Path:
    """Of the variable LATENT_PLAYGROUND_CACHE, else where the system keeps caches."""
    if said := os.environ.get(FOLDER):
        return Path(said).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    return Path(base).expanduser() / "latent-playground"


def read(name: str):
    """What was kept under that name; None if there is nothing that can be read."""
    try:
        return json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def keep(name: str, data) -> None:
    """Keep `data` for the next time; a folder that cannot be written to is no error.

    Written beside and moved into place, so that a reader never sees half a file.
    """
    file = folder() / f"{name}.json"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, delete=False, encoding="utf-8"
        ) as beside:
            json.dump(data, beside)
        os.replace(beside.name, file)
    except OSError:
        return
