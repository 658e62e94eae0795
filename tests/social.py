"""Draw the picture that links to the page are shown with: `python tests/social.py`."""

import base64
import html
import io

import numpy as np
from browser import ROOT, chromium
from PIL import Image

from playground import Playground
from playground.hosting.preview import PICTURE, SENTENCE, SIZE, TITLE
from playground.page.shared import overlay

PROMPT, WORD = "a cat wearing a top hat on a blue background", "hat"
CARD = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 56px 64px;
  font: 30px/1.4 system-ui, sans-serif; color: #1f2937; background: #fff;
  border-bottom: 14px solid #6366f1; }}
h1 {{ margin: 0 0 8px; font-size: 58px; line-height: 1.1; }}
p {{ margin: 0 0 30px; color: #4b5563; }}
.both {{ display: flex; gap: 40px; align-items: center; }}
img {{ width: 300px; height: 300px; border-radius: 24px; }}
.words {{ display: flex; flex-wrap: wrap; gap: 12px; font-size: 28px; line-height: 1.3; }}
.words span {{ padding: 4px 18px; border: 2px solid #e5e7eb; border-radius: 99px; }}
.words .on {{ border: 4px solid #6366f1; }}
</style><h1>{title}</h1><p>{sentence}</p>
<div class="both"><img src="{picture}"><img src="{map}"><div class="words">{words}</div></div>"""


def url(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def main() -> None:
    run = Playground().draw(PROMPT)
    large = run.image.resize((600, 600), Image.Resampling.BICUBIC)
    chips = "".join(
        f'<span class="{"on" * (w == WORD)}">{html.escape(w)}</span>' for w in run.words
    )
    card = CARD.format(
        title=TITLE, sentence=html.escape(SENTENCE), words=chips, picture=url(large),
        map=url(overlay.laid(large, run.map(WORD), "colour")),
    )  # fmt: skip
    with chromium() as browser:
        page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE, strict=True)))
        page.set_content(card)
        page.screenshot(path=PICTURE)
    with Image.open(PICTURE) as shot:
        few = shot.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT)  # a third of the bytes
    few.save(PICTURE, optimize=True)
    print(PICTURE.relative_to(ROOT), np.shape(few))


if __name__ == "__main__":
    main()
