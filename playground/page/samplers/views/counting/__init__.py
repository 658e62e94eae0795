"""A run stopped half-way beside finished runs of so many steps, scrubbed together."""

from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Column:
    """Pictures (data URLs) after `steps` steps of the long run, latents as they are and x̂0, and of
    the finished run of so many steps.
    """

    steps: int
    stopped: str
    clean: str
    full: str


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def finished(columns: list[Column], text: str) -> dict:
    return {"kind": "finished", "columns": [asdict(c) for c in columns], "text": text}
