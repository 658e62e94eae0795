"""DDPM's thousand steps against DDIM's fifty: the lecture's claim, timed on this machine."""

import time
from collections.abc import Iterator
from dataclasses import asdict

import gradio as gr

from playground.diffusion.samplers import SAMPLERS
from playground.page import sections, serving
from playground.page.samplers.errors import plain
from playground.page.samplers.views import lecture
from playground.page.sections import Section
from playground.recipe import Recipe

RUNS = (("ddim", 50), ("ddpm", 1000))
FRAME = 0.4  # seconds between previews
RUNNERS = 1  # a thousand calls at a time are enough for one machine
TEXT = (
    "### A thousand steps of DDPM, fifty of DDIM\n"
    "The same network, words and starting noise. DDPM was published with a thousand steps (Ho et "
    "al. 2020, arXiv 2006.11239); DDIM walks the same marginals without fresh noise and in far "
    "fewer (Song et al. 2021, arXiv 2010.02502). The pictures differ, since DDPM draws fresh noise."
)


def race(recipe: Recipe) -> Iterator[dict]:
    """The view's data; raises ValueError before anything is drawn. Closing it stops the runs."""
    recipe = plain(serving.check(recipe))
    yield lecture.message("Getting ready …", 0.0)
    from playground.diffusion import longrun

    engine, total, done = serving.engine(recipe.model), sum(n for _, n in RUNS), 0
    model = engine.model
    ended: list[lecture.Lane] = []
    for name, steps in RUNS:
        label, begun, shown = f"{SAMPLERS[name].label}, {steps} steps", time.perf_counter(), 0.0
        for moment in longrun.run(model, recipe, name, steps, engine.network.predict):
            now, done = time.perf_counter(), done + 1
            if now - shown > FRAME:
                spent = now - begun
                left = spent / (moment.index + 1) * (total - done)
                now_shown = lecture.lane(
                    label, moment.index + 1, moment.count, spent, model.preview(moment.clean)[0]
                )
                text = f"{label}: about {left:.0f} s left. Others who draw meanwhile slow it down."
                yield lecture.lanes([*ended, now_shown], text, done / total)
                shown = now
        seconds = time.perf_counter() - begun
        picture = model.decode(moment.latents)[0]
        ended.append(lecture.ended(label, moment.count, seconds, picture))
    few, many = ended
    yield lecture.lanes(
        ended,
        f"On this machine, as busy as it was: {few.seconds:.1f} s against {many.seconds:.1f} s, "
        f"{many.seconds / few.seconds:.0f} times as long for {many.count // few.count} times the "
        "network calls.",
    )


def build() -> Section:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("lecture", "Run both")
    view = gr.HTML(None, **asdict(lecture.VIEW), elem_id="lecture")
    return Section(start, stop, [view], lecture, lambda recipe, _: race(recipe), RUNNERS)
