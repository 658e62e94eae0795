"""Several pictures in one, each with a line of text: what is shown where one picture has room."""

import io
import math
from collections.abc import Sequence

from PIL import Image

from playground.page.shared.labels import label

GAP, ROW = 8, 8  # pixels between pictures; pictures in a row


def sheet(cells: Sequence[tuple[Image.Image, str]], title: str = "") -> bytes:
    """A PNG of the pictures, at most ROW in a row, as large as the largest of them each."""
    wide = max(image.width for image, _ in cells)
    texts = [label(text, wide, lines=2) for _, text in cells]
    high = max(image.height for image, _ in cells) + max(text.height for text in texts)
    across, down = min(ROW, len(cells)), math.ceil(len(cells) / ROW)
    width = across * (wide + GAP) + GAP
    head = label(title, width - 2 * GAP) if title else None
    top = GAP + (head.height + GAP if head else 0)
    whole = Image.new("RGB", (width, top + down * (high + GAP)), "white")
    if head:
        whole.paste(head, (GAP, GAP), head)
    for i, ((image, _), text) in enumerate(zip(cells, texts, strict=True)):
        x, y = GAP + i % ROW * (wide + GAP), top + i // ROW * (high + GAP)
        whole.paste(image, (x, y))
        whole.paste(text, (x, y + image.height), text)
    file = io.BytesIO()
    whole.save(file, "PNG")
    return file.getvalue()
