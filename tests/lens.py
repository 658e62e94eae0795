"""The Guidance lens in a browser: move its sliders, read its canvases."""

import base64
import io

import numpy as np
from browser import asked, painted
from PIL import Image

QUICK = {"prompt": "a red square", "steps": 4, "seed": 3}
RESTED = "() => !document.getElementById('recipe').soon"
LOOK, STRIP = "#lookahead", "#filmstrip"


def slide(page, selector: str, value) -> None:
    page.evaluate(
        "([s, v]) => { const e = document.querySelector(s); e.value = v;"
        " e.dispatchEvent(new Event('input')); }",
        [selector, str(value)],
    )


def pixels(page, selector: str) -> np.ndarray:
    url = page.evaluate("s => document.querySelector(s).toDataURL()", selector)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def quiet(page) -> list:
    """A list that fills with everything that the server is asked from now on.

    What sections ask when a recipe comes to rest, and what waits behind such a question, is over.
    """
    painted(page)
    page.wait_for_function(RESTED)
    while page.pending:
        page.wait_for_event("requestfinished")
        painted(page)
    return asked(page)
