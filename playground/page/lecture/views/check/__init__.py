"""Five questions about the lecture; what is right has been measured on the spot."""

from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Answer:
    """Which of a question's options is right, from 0 on, and what was measured, in a sentence."""

    right: int
    said: str


def questions(asked: list[tuple[str, tuple[str, ...]]]) -> dict:
    """Each question with its options."""
    return {"kind": "questions", "questions": [{"text": t, "options": list(o)} for t, o in asked]}


def answers(found: list[Answer], text: str) -> dict:
    return {"kind": "answers", "answers": [asdict(one) for one in found], "text": text}


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """A sentence, and while something is measured the `share` 0 … 1 that is done."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped. Your answers stay.") | {"stopped": True}
