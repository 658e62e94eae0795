"""A matplotlib figure as a file."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("png", "svg", "pdf")
DPI = 160  # of a PNG, and of pictures inside of the other two
COLOURS = (
    "#4f46e5", "#d97706", "#059669", "#db2777", "#0891b2", "#65a30d", "#9333ea", "#dc2626",
    "#64748b", "#a16207", "#0d9488", "#be123c",
)  # fmt: skip  # as COLOURS in shared.js


def known(kind) -> str:
    """The kind itself; ValueError if there is no such file."""
    if kind not in KINDS:
        raise ValueError(f"There is no figure as {kind!r}; there are: {', '.join(KINDS)}.")
    return kind


def new(width: float, height: float) -> "Figure":
    """An empty figure of so many inches. Not by pyplot, which keeps global state."""
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=DPI, layout="constrained")


def content(figure: "Figure", kind: str) -> bytes:
    """The file: letters stay letters, and nothing says when and by what it was made."""
    import matplotlib

    undated = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None},
               "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}  # fmt: skip
    file = io.BytesIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": "latent", "pdf.fonttype": 42}
    with matplotlib.rc_context(settings):
        figure.savefig(file, format=known(kind), dpi=DPI, metadata=undated[kind])
    return file.getvalue()
