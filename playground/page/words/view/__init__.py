"""Under the words: which of them the model knows, what completes the one being typed, the list."""

from collections.abc import Sequence
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


def tokens(prompt: str, names: Sequence[str], used: int, most: int, cut: Sequence[str]) -> dict:
    """How a model splits a prompt: the `names` of its tokens, `used` of `most` with start and end,
    and the words that were cut off.
    """
    return {
        "kind": "tokens", "prompt": prompt, "names": list(names), "used": used, "most": most,
        "cut": list(cut),
    }  # fmt: skip


def unread(prompt: str, reason: str) -> dict:
    """Why its tokens are not shown."""
    return {"kind": "unread", "prompt": prompt, "text": reason}
