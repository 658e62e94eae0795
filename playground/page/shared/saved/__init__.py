"""A file for the visitor to save, without a page of its own."""

import base64
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


def file(name: str, content: bytes) -> dict:
    return {"name": name, "content": base64.b64encode(content).decode(), "text": f"Saved {name}."}


def message(text: str) -> dict:
    return {"text": text}
