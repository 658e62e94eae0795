"""Where the page contradicts what people have read: why, with what was measured here."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import numpy as np

from playground.diffusion import samplers
from playground.models import specs
from playground.page import serving
from playground.recipe import Recipe
from playground.wording import percent


@dataclass(frozen=True)
class Surprise:
    """`question` is what a reader wonders about; `answer` is empty if nothing was measured."""

    name: str
    question: str
    answer: Callable[[], str]


def _card() -> dict:
    return specs.get(Recipe().model).card


def _first_order() -> str:
    found = _card().get("solvers", {})
    rows = {(r["sampler"], r["guidance"], r["calls"]): r for r in found.get("rows", ())}
    ways = ("ddim", "dpmpp_2m")
    pairs = [[rows.get((n, w, 10)) for n in ways] for w in (1.0, 7.5)]
    late = [rows.get((name, 7.5, 50)) for name in ways]
    if not all([*late, *(row for pair in pairs for row in pair)]):
        return ""
    first, second = (samplers.get(name).label for name in ways)
    (slow, fast), (slow_guided, fast_guided) = pairs
    return (
        f"{second} draws a straight line through its last two predictions. That is better while "
        f"the path bends little between two steps: at w = 1 with 10 calls its error is "
        f"{fast['rmse']:.2g}, that of {first} {slow['rmse']:.2g}. At w = 7.5 the guided path bends "
        f"so sharply that ten steps are too long to go on in the old direction: "
        f"{fast_guided['rmse']:.2g} against {slow_guided['rmse']:.2g}. With enough calls the order "
        f"is as one reads it: with 50 calls {late[1]['rmse']:.2g} against {late[0]['rmse']:.2g} "
        f"(RMSE of final latents, {found['exact']} prompts). That guidance makes high orders "
        "unstable is known: [Lu et al. 2022](https://arxiv.org/abs/2211.01095), sec. 3."
    )


def _saturation() -> str:
    rows = {row["guidance"]: row for row in _card().get("guidance", ())}
    if not {1.0, 12.0, 25.0} <= rows.keys():
        return ""
    one, twelve, last = (rows[w] for w in (1.0, 12.0, 25.0))
    return (
        "Large networks draw garish colours at high w "
        "([Saharia et al. 2022](https://arxiv.org/abs/2205.11487), sec. 2.3). This one does not: "
        f"the mean distance of colour channels is {percent(one['saturation'])} at w = 1, "
        f"{percent(twelve['saturation'])} at w = 12 and {percent(last['saturation'])} at w = 25. "
        "A likely reason, which was not measured: it learned emoji on plain backgrounds, whose "
        "colours are full already. What breaks is the drawing: what was asked for is there in "
        f"{percent(one['lenient'])}, {percent(twelve['lenient'])} and {percent(last['lenient'])} "
        f"of {one['count']} pictures."
    )


def _example(view: str) -> dict:
    file = serving.EXAMPLE
    return json.loads(file.read_text(encoding="utf-8")).get(view, {}) if file.exists() else {}


def _padding() -> str:
    masses = [m for level in _example("explorer").get("levels", ())[:1] for m in level["masses"]]
    if not masses:
        return ""
    start, words, end, padding = np.mean(masses, 0)
    return (
        "Softmax makes the shares of all tokens add up to 1, so a position that needs no word must "
        "leave its attention somewhere; tokens that are always there collect it (attention sinks, "
        "[Xiao et al. 2023](https://arxiv.org/abs/2309.17453)). In the opening example, on the "
        "finest grid: "
        f"padding {percent(padding)}, words {percent(words)}, start token {percent(start)}, end "
        f"token {percent(end)}. Padding stands behind the prompt, and the text encoder lets it "
        "read all words before it, so it carries the sentence too: a linear probe read the first "
        "noun from the last padding token in 82 % of 3,000 captions (training log). Word maps "
        "leave both out."
    )


def _without_words() -> str:
    steps = [s for s in _example("lookahead").get("steps", ()) if s["both"]]
    if len(steps) < 6:
        return ""
    first, sixth = (_apart(steps[k]) for k in (0, 5))
    return (
        "U reads no words, but it sees the latents, and these were steered by the words at every "
        "step before. In the opening example the previews of U and C are "
        f"{first:.2f} apart at the first step, where the latents are nothing but noise, and "
        f"{sixth:.2f} at step 6 (RMSE, of a range from −1 to 1): by then U recognises in the "
        f"latents what C has drawn into them. ε_c − ε_u is {percent(steps[5]['share'], 1)} of "
        "ε_u’s length there. To see U alone, draw with w = 0."
    )


def _apart(step: dict) -> float:
    u, c = (np.frombuffer(base64.b64decode(step[b]), "<f4").clip(-1, 1) for b in ("uncond", "cond"))
    return float(np.sqrt(((c - u) ** 2).mean()))


_TABLE = (
    Surprise("first order", "Why is DDIM ahead of DPM-Solver++ 2M at few calls and high w?",
             _first_order),
    Surprise("saturation", "Why does saturation not rise with w?", _saturation),
    Surprise("padding", "Why does padding take so much of the attention?", _padding),
    Surprise("without words", "Why does U, without words, show what the words asked for?",
             _without_words),
)  # fmt: skip
SURPRISES = {surprise.name: surprise for surprise in _TABLE}


def build(name: str) -> None:
    """Lay out the question, closed, and its answer inside the surrounding gradio context."""
    surprise = SURPRISES[name]
    if answer := surprise.answer():
        with gr.Accordion(surprise.question, open=False):
            gr.Markdown(answer)
