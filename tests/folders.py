"""Copies of small checkpoints, to be damaged, and what is then said."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

NETWORK = "unet/diffusion_pytorch_model.safetensors"


def copied(folder: Path, place: Path) -> Path:
    """A copy that shares its files with the original: replace files, never write into them."""
    return Path(shutil.copytree(folder, place, copy_function=os.link))


def put(file: Path, said: bytes | str | dict | list) -> None:
    """Replace a file by these bytes, this text or this JSON."""
    file.unlink(missing_ok=True)
    raw = said if isinstance(said, bytes | str) else json.dumps(said)
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)


def edit(file: Path, change: Callable[[dict], object]) -> None:
    """Change a JSON file's values."""
    said = json.loads(file.read_text())
    change(said)
    put(file, said)


def check_sentence(error: Exception) -> None:
    """Something to show a visitor: short, one line, ending as a sentence does."""
    text = str(error)
    assert text.endswith(".")
    assert text.isprintable()
    assert len(text) < 500
