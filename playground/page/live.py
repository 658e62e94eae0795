"""Draw while the visitor types: after every pause of the keyboard, and while a slider moves.

`live.js` listens and presses two hidden buttons: one draws the picture and its word maps at once
(see `at_once`), the other, after a longer pause, lets every lens follow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from playground.models import specs
from playground.page import serving
from playground.recipe import Recipe

Frame = dict[str, dict]  # data for some of the page's views, by the view's name
LATEST = 2**53  # milliseconds of a browser's clock
SECTION = "live"  # of the engine's runs: the one last asked for wins, whatever arrives last
CLOCK = {"js": "(asked, ...values) => [performance.now(), ...values]"}
LISTEN = (Path(__file__).parent / "live.js").read_text(encoding="utf-8")
# Networks with one row a call and few calls answer at once.
AT_ONCE = [spec.name for spec in specs.MODELS.values() if not spec.guidance.branches]


@dataclass(frozen=True)
class Live:
    """The switch, and what `live.js` presses; `asked` is when, by the browser's clock."""

    switch: gr.Checkbox
    later: gr.Button
    asked: gr.Number

    def connect(self, page: gr.Blocks) -> None:
        page.load(None, js=LISTEN)


def moment(asked) -> float:
    """When something was asked for, whatever the page has sent."""
    known = isinstance(asked, int | float) and abs(asked) < LATEST
    return float(asked) if known else 0.0


def stamped(frames: Iterator[Frame], asked: float) -> Iterator[Frame]:
    """Frames that say when they were asked for: answers may overtake each other on their way."""
    for frame in frames:
        explorer = frame.get("explorer")
        yield frame if explorer is None else frame | {"explorer": explorer | {"asked": asked}}


def stop(recipe: Recipe, visitor: str | None) -> None:
    """Stop drawing this recipe, if it is being drawn for this visitor while they type."""
    session = serving.opened(recipe.model, recipe.lora)
    if session and visitor:
        session.drop(visitor, SECTION, serving.check(recipe))


def build(model: str) -> Live:
    switch = gr.Checkbox(
        model in AT_ONCE, label="Draw while I type", elem_id="live", container=False,
        info="Every pause and every move of a slider draws; the newest wins.",
        interactive=True,  # gradio switches a box off that no event of the server reads
    )  # fmt: skip
    gr.Button("Draw now", visible="hidden", elem_id="live-now")
    later = gr.Button("Follow in every lens", visible="hidden", elem_id="live-later")
    return Live(switch, later, gr.Number(0, visible="hidden", elem_id="live-asked"))
