"""Under the words: which of them the model knows, what completes the one being typed, the list."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from playground.page.shared.view import read

HERE = Path(__file__).parent
PARTS = ("spelling.js", "listbox.js")  # before the view's own behaviour
_BARE = read(HERE)
VIEW = replace(
    _BARE,
    js_on_load="".join((HERE / part).read_text(encoding="utf-8") for part in PARTS)
    + _BARE.js_on_load,
)


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
