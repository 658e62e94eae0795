"""What a recipe's `model` names: a built-in model, a folder, a file of weights, or a Hub id.

Only the text is read here: no file is looked at and nothing is asked of a network.
"""

import re
from dataclasses import dataclass

NAME, FOLDER, FILE, HUB = "name", "folder", "file", "hub"  # kinds of a source
LONGEST = 300  # characters
_PATH = re.compile(r"(?:/(?!/)|\.{1,2}[/\\]|~[/\\]|[A-Za-z]:[/\\])")  # how a path begins
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"
_HUB = re.compile(
    rf"(?P<where>{_PART}/{_PART})(?:@(?P<revision>[\w][\w./-]*))?(?::(?P<variant>\w+))?", re.ASCII
)
_FOLDER = re.compile(r"(?P<where>.+?)(?::(?P<variant>\w+))?", re.ASCII | re.DOTALL)
HOW = (
    "A model is a built-in name, the path of a folder or of a .safetensors file "
    "(beginning with / or ./), or a Hub id such as owner/name."
)


class SourceError(ValueError):
    """A text that names no model, and in one sentence what would."""


@dataclass(frozen=True)
class Source:
    """`where` is a name, a path or a Hub id. `variant` names a set of weights that lies beside the
    plain one ("fp16"), `revision` a branch, tag or commit on the Hub.
    """

    kind: str
    where: str
    revision: str = ""
    variant: str = ""

    @property
    def text(self) -> str:
        """What `read` reads as this source."""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.where}{revision}" + (f":{self.variant}" if self.variant else "")

    @property
    def label(self) -> str:
        """The last part of the path, or the Hub id: short enough for a list."""
        if self.kind in (FOLDER, FILE):
            return re.split(r"[/\\]", self.where.rstrip("/\\"))[-1] or self.where
        return self.where


def read(text: str) -> Source:
    """What `text` names. Raises SourceError for what can be none of them.

    A path is told by how it begins, and a file by its ending, so that the same text never means
    a folder on one machine and a Hub id on another. Names of other machines (//host, \\\\host)
    are none: Windows would send a password there.
    """
    if not 1 <= len(text) <= LONGEST or not text.isprintable() or text != text.strip():
        raise SourceError(HOW)
    if text.lower().endswith(".safetensors") and not text.startswith(("//", "\\")):
        if ":/" in text[2:]:
            raise SourceError(f"{text[:80]} is an address: download the file and give its path.")
        return Source(FILE, text)
    if _PATH.match(text):
        return _matched(_FOLDER, FOLDER, text)
    if "/" in text or "\\" in text:
        return _matched(_HUB, HUB, text)
    if re.fullmatch(r"[\w.-]+", text):
        return Source(NAME, text)
    raise SourceError(HOW)


def _matched(pattern: re.Pattern, kind: str, text: str) -> Source:
    found = pattern.fullmatch(text)
    if not found or ".." in (found["where"] if kind == HUB else ""):
        raise SourceError(HOW)
    parts = {name: value for name, value in found.groupdict().items() if value}
    return Source(kind, **parts)
