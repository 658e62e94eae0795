"""DDPM's thousand steps against DDIM's fifty: the lecture's claim, timed on this machine."""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import gradio as gr

from playground.diffusion.samplers import SAMPLERS
from playground.engine.events import Failure, Picture, Step, Task
from playground.engine.session import Run
from playground.page import fits, sections, serving
from playground.page.samplers.views import lecture
from playground.page.sections import Section
from playground.recipe import Recipe

RUNS = (("ddim", 50), ("ddpm", 1000))
FRAME = 0.4  # seconds between previews
RUNNERS = 1  # at the same time: one run of a thousand calls is enough for one machine
TEXT = (
    "### A thousand steps of DDPM, fifty of DDIM\n"
    "The same network, words and starting noise. DDPM was published with a thousand steps (Ho et "
    "al. 2020, arXiv 2006.11239); DDIM walks the same marginals without fresh noise and in far "
    "fewer (Song et al. 2021, arXiv 2010.02502). The pictures differ, since DDPM draws fresh noise."
)


def race(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    """The view's data; raises ValueError before anything is drawn. Closing it stops the runs.

    They run one after the other, so that each is timed alone.
    """
    asked = time.monotonic()
    recipe = replace(serving.check(recipe), eta=0.0)
    fits.require(recipe, "lecture")
    for sentence in serving.getting_ready(recipe):
        yield lecture.message(sentence, 0.0)
    session, ended = serving.session(recipe.model, recipe.lora), []
    for number, (name, steps) in enumerate(RUNS, 1):
        task = Task(replace(recipe, sampler=name), steps=steps)
        label = f"{SAMPLERS[name].label}, {steps} steps"
        with session.submit([task], visitor=visitor, section="lecture", asked=asked) as run:
            for sentence in serving.waiting(run):
                yield lecture.message(sentence, 0.0)
            for moment in _lane(run, label, ended):
                if isinstance(moment, lecture.Lane):
                    ended.append(moment)
                else:
                    yield moment
        if len(ended) < number:
            return
    few, many = ended
    yield lecture.lanes(
        ended,
        f"{fits.whose(recipe)}. On this machine, as busy as it was: {few.seconds:.1f} s against "
        f"{many.seconds:.1f} s, "
        f"{many.seconds / few.seconds:.0f} times as long for {many.count // few.count} times the "
        "network calls.",
    )


def _lane(run: Run, label: str, ended: list[lecture.Lane]) -> Iterator[dict | lecture.Lane]:
    """Frames of this run beside those that have ended; last its own lane, or why there is none."""
    total, before = sum(n for _, n in RUNS), sum(lane.count for lane in ended)
    begun, shown, spent = time.perf_counter(), 0.0, 0.0
    for event in run:
        if isinstance(event, Failure):
            yield lecture.message(f"{label} failed: {event.reason}", error=True)
            return
        if isinstance(event, Picture):
            yield lecture.ended(label, event.calls, spent, event.image)
            return
        if isinstance(event, Step):
            now, done = time.perf_counter(), event.index + 1
            spent = now - begun
            if now - shown > FRAME:
                left = spent / done * (total - before - done)
                lane = lecture.lane(label, done, event.count, spent, event.preview)
                text = f"{label}: about {left:.0f} s left. Others who draw meanwhile slow it down."
                yield lecture.lanes([*ended, lane], text, (before + done) / total)
                shown = now
    yield lecture.message("Another run of yours took over.")


def build(reasons: dict[str, gr.Markdown]) -> Section:
    """Lay out the section inside the surrounding gradio context; `reasons` gets the line on why it
    does not fit a model.
    """
    gr.Markdown(TEXT)
    reasons["lecture"] = sections.reason("lecture")
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("lecture", "Run both")
    view = gr.HTML(None, **asdict(lecture.VIEW), elem_id="lecture")
    return Section(start, stop, [view], lecture, race, RUNNERS)
